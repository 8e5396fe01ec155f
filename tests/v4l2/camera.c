// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

/* A USB camera in user space: preloaded, it answers for one path as the kernel's V4L2 does (linux/videodev2.h).
 *
 * For machines whose kernel has no camera to lend. It streams as a cheap webcam does, into four mapped buffers that are
 * memory of the device, with stamps of the monotonic clock; when nobody gives a buffer back it drops the picture.
 *
 * V4L2_CAMERA: the path. V4L2_FPS: pictures a second (25). V4L2_PIXELS: the one format it has, YU12, YUYV or MJPG (YUYV);
 * V4L2_JPEG: a file, every picture of MJPG. The plug: while the file V4L2_UNPLUGGED exists, the device is gone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 4, FILES = 8 };
struct camera {
    int fd, memory, streaming;
    uint32_t width, height, count, sequence;
    int64_t next_ns;
    struct { int queued; uint64_t order; } buffer[BUFFERS];
    uint64_t order;
};
static struct camera cameras[FILES];
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static const char *path(void) { const char *p = getenv("V4L2_CAMERA"); return p ? p : ""; }
static int64_t frame_ns(void) { const char *f = getenv("V4L2_FPS"); return 1000000000LL / (f ? atoi(f) : 25); }
static int64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static int out(void) { const char *f = getenv("V4L2_UNPLUGGED"); return f && access(f, F_OK) == 0; }
static uint32_t pixels(void) { const char *p = getenv("V4L2_PIXELS"); if (!p) p = "YUYV"; return v4l2_fourcc(p[0], p[1], p[2], p[3]); }
static size_t raw_bytes(uint32_t width, uint32_t height) { return (size_t)width * height * (pixels() == V4L2_PIX_FMT_YUV420 ? 3 : 4) / 2; }
static size_t slot_bytes(const struct camera *c) { return (raw_bytes(c->width, c->height) + 4095) & ~(size_t)4095; }
static int refuse(int error) { errno = error; return -1; }

static struct camera *of(int fd) {
    if (fd >= 0) for (int n = 0; n < FILES; n++) if (cameras[n].fd == fd) return &cameras[n];
    return NULL;
}
__attribute__((constructor)) static void begin(void) { for (int n = 0; n < FILES; n++) cameras[n].fd = -1; }

static int opened(void) {
    if (out()) return refuse(ENOENT);
    int fd = memfd_create("camera", MFD_CLOEXEC);
    pthread_mutex_lock(&gate);
    for (int n = 0; fd >= 0 && n < FILES; n++) if (cameras[n].fd < 0) {
        cameras[n] = (struct camera){.fd = fd, .width = 640, .height = 480};
        break;
    }
    pthread_mutex_unlock(&gate);
    return fd;
}

static int next_open(const char *name, const char *symbol, int flags, mode_t mode) {
    if (*path() && strcmp(name, path()) == 0) return opened();
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
    return real(name, flags, mode);
}
#define OPEN(symbol) \
    int symbol(const char *name, int flags, ...) { \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        return next_open(name, #symbol, flags, mode); \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "close");
    pthread_mutex_lock(&gate);
    struct camera *c = of(fd);
    if (c) c->fd = -1;
    pthread_mutex_unlock(&gate);
    return real(fd);
}

static void nearest(struct v4l2_pix_format *p) {
    p->width = p->width > 320 ? 640 : 320;
    p->height = p->width * 3 / 4;
    p->pixelformat = pixels();
    p->field = V4L2_FIELD_NONE;
    p->bytesperline = p->width * (p->pixelformat == V4L2_PIX_FMT_YUYV ? 2 : 1);
    p->sizeimage = raw_bytes(p->width, p->height);
    p->colorspace = V4L2_COLORSPACE_SRGB;
}

/* One picture into a buffer: a grey that changes, or the JPEG. Returns its bytes. */
static int64_t draw(const struct camera *c, off_t at) {
    static unsigned char data[640 * 480 * 2];
    size_t bytes = raw_bytes(c->width, c->height);
    if (pixels() == V4L2_PIX_FMT_MJPEG) {
        FILE *file = fopen(getenv("V4L2_JPEG"), "re");
        if (!file) return refuse(EIO);
        bytes = fread(data, 1, sizeof data, file);
        fclose(file);
    } else memset(data, 40 + c->sequence % 160, bytes);
    return pwrite(c->memory, data, bytes, at) < 0 ? -1 : (int64_t)bytes;
}

static int dequeue(struct camera *c, struct v4l2_buffer *b) {
    if (out()) return refuse(ENODEV);
    if (!c->streaming || now_ns() < c->next_ns) return refuse(EAGAIN);
    while (c->next_ns + frame_ns() <= now_ns()) { c->next_ns += frame_ns(); c->sequence++; }
    int found = -1;
    for (int n = 0; n < (int)c->count; n++)
        if (c->buffer[n].queued && (found < 0 || c->buffer[n].order < c->buffer[found].order)) found = n;
    if (found < 0) return refuse(EAGAIN);
    int64_t bytes = draw(c, (off_t)(found * slot_bytes(c)));
    if (bytes < 0) return -1;
    c->buffer[found].queued = 0;
    b->index = found, b->bytesused = bytes, b->length = slot_bytes(c), b->memory = V4L2_MEMORY_MMAP;
    b->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, b->field = V4L2_FIELD_NONE;
    b->timestamp.tv_sec = c->next_ns / 1000000000, b->timestamp.tv_usec = c->next_ns / 1000 % 1000000;
    b->sequence = c->sequence++;
    c->next_ns += frame_ns();
    return 0;
}

static int answer(struct camera *c, unsigned long request, void *arg) {
    struct v4l2_buffer *b = arg;
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *cap = arg;
        memset(cap, 0, sizeof *cap);
        strcpy((char *)cap->driver, "userspace"), strcpy((char *)cap->card, "Camera of a test");
        cap->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        cap->capabilities = cap->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *f = arg;
        if (f->index > 0) return refuse(EINVAL);
        f->pixelformat = pixels();
        return 0;
    }
    case VIDIOC_G_FMT: case VIDIOC_TRY_FMT: case VIDIOC_S_FMT: {
        struct v4l2_format *f = arg;
        if (out()) return refuse(ENODEV);
        if (request == VIDIOC_G_FMT) f->fmt.pix.width = c->width;
        nearest(&f->fmt.pix);
        if (request == VIDIOC_S_FMT) c->width = f->fmt.pix.width, c->height = f->fmt.pix.height;
        return 0;
    }
    case VIDIOC_G_PARM: case VIDIOC_S_PARM: {
        struct v4l2_streamparm *p = arg;
        p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        p->parm.capture.timeperframe = (struct v4l2_fract){1, 1000000000LL / frame_ns()};
        return 0;
    }
    case VIDIOC_ENUMINPUT: case VIDIOC_S_INPUT: case VIDIOC_G_INPUT: return 0;
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *r = arg;
        r->count = c->count = r->count ? BUFFERS : 0;
        if (r->count) { c->memory = c->fd; return ftruncate(c->memory, (off_t)(BUFFERS * slot_bytes(c))); }
        return 0;
    }
    case VIDIOC_QUERYBUF:
        b->length = slot_bytes(c), b->m.offset = b->index * slot_bytes(c), b->flags = 0;
        return 0;
    case VIDIOC_QBUF:
        if (b->index >= c->count) return refuse(EINVAL);
        c->buffer[b->index].queued = 1, c->buffer[b->index].order = c->order++;
        return 0;
    case VIDIOC_DQBUF: return dequeue(c, b);
    case VIDIOC_STREAMON: c->streaming = 1, c->next_ns = now_ns() + frame_ns(); return 0;
    case VIDIOC_STREAMOFF: c->streaming = 0; return 0;
    default: return refuse(ENOTTY);
    }
}

int ioctl(int fd, unsigned long request, ...) {
    static int (*real)(int, unsigned long, ...);
    if (!real) real = dlsym(RTLD_NEXT, "ioctl");
    va_list more; va_start(more, request); void *arg = va_arg(more, void *); va_end(more);
    pthread_mutex_lock(&gate);
    struct camera *c = of(fd);
    int said = c ? answer(c, (uint32_t)request, arg) : 0, error = errno;
    pthread_mutex_unlock(&gate);
    errno = error;
    return c ? said : real(fd, request, arg);
}
