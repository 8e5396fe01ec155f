# Everything a person runs. Two set everything up on a fresh machine: `make run` and `make test`.
# Set-up lives in .venv/ and is reused; it is made again when pyproject.toml changes.

PYTHON ?= python3
BIN := .venv/bin
STATE ?= room
# Where a machine says that Python keeps no bytecode, each process that the tests start would compile all that it loads.
unexport PYTHONDONTWRITEBYTECODE
# A later Home Assistant needs a later Python: make home-assistant HA_PYTHON=python3.13
HA_PYTHON ?= $(PYTHON)
HA := .cache/home-assistant/$(notdir $(HA_PYTHON))

.PHONY: audit help run test lint bench test-long histories torture-alarms fuzz machine-test arm64-test fleet-test upgrades vm-gpio vm-camera vm-powercut camera-test home-assistant node-red docs clean deb lock \
  system-packages vm-packages

help:                ## what there is
	@grep -hE '^[a-z0-9-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

run: $(BIN)/.ready   ## a simulated room: press r and a (ARGS="--policy dronten-2014" for more)
	@$(BIN)/spreekkamer-sim run --state $(STATE) $(ARGS)

test: $(BIN)/.ready-test system-packages .node/.ready .node/browser/.ready .node/reader/.ready  ## all that CI runs: lint, types, floors, tests (T=tests/alarm: those alone)
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest --cache-clear --numprocesses 6 --dist loadscope --no-loadscope-reorder --max-worker-restart 0 $(T) || $(MAKE) --no-print-directory again CODE=$$?

# What failed beside other tests is tried once more, alone, and named: a fault of the product or of the test that is to be
# found, and no reason to lose a day's work. Nothing is tried again where the tests could not be run (an exit code above 1).
.PHONY: again
again:
	@[ "$(CODE)" = 1 ] || exit $(CODE)
	@echo "FAILED BESIDE OTHER TESTS, tried again alone; each is a fault to be found:"
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none -rA -v

.PHONY: fast
fast: lint  ## a minute: lint, types, floors, and the tests of the pure core (fewer examples), the settings and the docs
	$(BIN)/python -m pytest -q --numprocesses 2 --dist loadscope --hypothesis-profile quick tests/model tests/config tests/test_docs.py

lint: $(BIN)/.ready-test
	$(MAKE) --no-print-directory --jobs 2 --output-sync types style

.PHONY: types style
types:
	$(BIN)/mypy

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports

test-long: $(BIN)/.ready-test system-packages  ## what takes minutes: ten minutes idle with a full ring (R1); upgrades cut off at each command
	$(BIN)/python -m pytest -m slow --timeout 1200 -s

histories: $(BIN)/.ready-test  ## ten thousand histories of wrong clocks, cuts and full disks: nothing early, nothing late (K4)
	$(BIN)/python -m pytest -m histories --hypothesis-profile deep --hypothesis-show-statistics --numprocesses 2 --dist worksteal

bench: $(BIN)/.ready-test system-packages .node/browser/.ready  ## measures against peers in the same run and prints ratios
	$(BIN)/python -m tests.benchmarks

deb: NEEDS += lintian:lintian
deb: $(BIN)/.ready-test system-packages  ## the Debian packages, dist/*.deb, for both suites and both processors (ARGS="--suite bookworm --arch arm64"; minutes)
	rm -f dist/spreekkamer_*.deb
	$(BIN)/python -m deploy.deb $(ARGS)
	lintian --fail-on error,warning dist/spreekkamer_*.deb

lock: $(BIN)/.ready-test .cache/lock/.ready  ## renews the four locks: versions and hashes of what the packages, an engineer's machine, a simulated room and the tests have
	PATH="$(CURDIR)/.cache/lock/bin:$$PATH" $(BIN)/python -m deploy.deb --lock
	for extra in sim:simulators test:tests; do .cache/lock/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --upgrade \
	  --python-version 3.11 --universal --extra $${extra%:*} --output-file $${extra#*:}/requirements.lock pyproject.toml; done
	.cache/lock/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --upgrade --python-version 3.11 --python-platform linux \
	  --only-binary :all: --extra fleet --output-file deploy/ansible/requirements.lock pyproject.toml

audit: .cache/audit/.ready  ## holds what the packages carry against the index's list of known weaknesses (asks the index about each; no answer fails it)
	.cache/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off --requirement deploy/deb/wheels.lock

machine-test: NEEDS += mmdebstrap:mmdebstrap systemd-container:systemd-nspawn mount:mount util-linux:nsenter
machine-test: $(BIN)/.ready-test system-packages  ## the package and its three services in booted containers without a network (as root; twelve minutes)
	$(BIN)/python -m pytest -m machine tests/machine --numprocesses 6 --dist loadgroup --max-worker-restart 0 --durations 0 --durations-min 1 -rP $(ARGS)

arm64-test: NEEDS += mmdebstrap:mmdebstrap mount:mount util-linux:unshare qemu-user-static:qemu-aarch64-static
arm64-test: $(BIN)/.ready-test system-packages  ## the arm64 packages by emulation: all modules load, and a press in a simulated room is stored (as root; some minutes)
	$(BIN)/python -m pytest -m arm64 tests/arm64 -rPs $(ARGS)

fleet-test: NEEDS += prometheus:promtool prometheus-mqtt-exporter:prometheus-mqtt-exporter \
  mmdebstrap:mmdebstrap systemd-container:systemd-nspawn mount:mount util-linux:nsenter
fleet-test: $(BIN)/.ready-test system-packages  ## many rooms by Ansible: cards' files, a rollout to two booted containers; simulated rooms in a real Prometheus (as root; twenty-five minutes)
	promtool check rules deploy/monitoring/alerts.rules.yml
	$(BIN)/python -m pytest -m fleet tests/fleet $(ARGS)

upgrades: NEEDS += mmdebstrap:mmdebstrap systemd-container:systemd-nspawn mount:mount util-linux:nsenter
upgrades: $(BIN)/.ready-test system-packages  ## 100 upgrades in a booted container, good, bad and killed, with presses in them (as root; an hour; ARGS="--count 20 --seed 7")
	$(BIN)/python -m tests.upgrades $(ARGS)

fuzz: $(BIN)/.ready-test system-packages  ## a million junk inputs by every way into the alarm process (ARGS="--inputs N --seed S")
	$(BIN)/python -m tests.fuzz $(ARGS)

vm-gpio: $(BIN)/.ready-test vm-packages  ## buttons and lamps on the kernel's own lines, and the alarm's unit, in a virtual machine
	$(BIN)/python -m pytest -m vm tests/vm -s

vm-camera: $(BIN)/.ready-test vm-packages  ## the driver for USB cameras on the kernel's own V4L2 camera, in a virtual machine
	$(BIN)/python -m pytest -m vm tests/vm/test_usb_camera.py -s

torture-alarms: $(BIN)/.ready-test system-packages  ## 300 presses under random kill -9, beside bare paho (ARGS="--seed 7")
	$(BIN)/python -m tests.torture $(ARGS)

camera-test: NEEDS += mmdebstrap:mmdebstrap
camera-test: $(BIN)/.ready-test system-packages  ## the real picamera2 on libcamera's virtual camera (as root; built once, then six minutes)
	$(BIN)/python -m tests.camera $(ARGS)

home-assistant: $(BIN)/.ready-test system-packages $(HA)/.ready  ## the guide and our discovery in a real Home Assistant (installing takes minutes)
	$(BIN)/python -m tests.homeassistant.live $(HA)/bin

node-red: $(BIN)/.ready-test system-packages .cache/node-red/.ready  ## the guide's flow in a real Node-RED
	$(BIN)/python -m tests.node_red.live

.PHONY: together
together: NEEDS += mount:mount util-linux:fsfreeze
together: $(BIN)/.ready-test system-packages  ## 500 stories in which two or three things fail at once (as root; ARGS="--stories N --seed S")
	unshare --mount --pid --fork --kill-child --mount-proc $(BIN)/python -m tests.together $(ARGS)  # its rooms and cards go with it

.PHONY: mutants
mutants: .cache/mutants/.ready system-packages  ## each line of the core changed in each way that a test should see: what no test saw, by module (ARGS="daemon.model.panel daemon.model.rules.*")
	.cache/mutants/bin/python -m tests.tools.mutate $(ARGS)

.PHONY: brokers
brokers: NEEDS += rabbitmq-server:/usr/lib/rabbitmq/bin/rabbitmq-server mmdebstrap:mmdebstrap util-linux:unshare
brokers: $(BIN)/.ready-test system-packages .cache/aedes/.ready .cache/trixie/.ready  ## presses while brokers of others are killed, the table in the guide (as root; 8 minutes)
	$(BIN)/python -m tests.broker_probe $(ARGS)

.PHONY: scenarios
scenarios: $(BIN)/.ready-test system-packages  ## stories that anyone can read, in Dutch and English, in simulated rooms (ARGS="--only K1")
	$(BIN)/python -m tests.scenarios $(ARGS)

.PHONY: desk
desk: $(BIN)/.ready-test system-packages  ## telephone calls at a desk, end to end: both sides apart, nothing of one call in the next (two minutes)
	$(BIN)/python -m pytest -m desk tests/desk -s $(ARGS)

.PHONY: vm-scenarios
vm-scenarios: $(BIN)/.ready-test system-packages vm-packages  ## those with the tag vm, on the shipped services in a virtual machine (as root; ARGS="--only R5" for others)
	$(BIN)/python -m tests.vm.image
	$(BIN)/python -m tests.scenarios --world vm $(ARGS)

vm-powercut: VM_APT += nbdkit
vm-powercut: VM_TOOLS += nbdkit
vm-powercut: $(BIN)/.ready-test system-packages vm-packages  ## one unit in a virtual machine whose plug is pulled at random moments, with what its disk's cache held (as root; an hour; ARGS="--cuts 5 --only recording")
	$(BIN)/python -m tests.vm.image
	$(BIN)/python -m tests.vm.cuts $(ARGS)

.PHONY: reader evidence-torture evidence-long evidence-fuzz evidence-firefox
reader: .node/reader/.ready  ## builds the page that opens recordings, reader/dist/opname.html, from its lock file
	node reader/build.mjs .node/reader/node_modules reader/dist/opname.html
	sed -i "s/^SHA-256 of the page: .*/SHA-256 of the page: \`$$(sha256sum reader/dist/opname.html | cut -d' ' -f1)\`/" docs/ref/opening-page.md

evidence-torture: $(BIN)/.ready-test system-packages .node/browser/.ready  ## 1,000 mutations of a recording: command, page and shell agree
	$(BIN)/python -m tests.evidence.torture $(ARGS)

evidence-long: $(BIN)/.ready-test system-packages .node/browser/.ready  ## ninety minutes at 1080p25: command and page within their bounds
	$(BIN)/python -m tests.evidence.long $(ARGS)

evidence-fuzz: $(BIN)/.ready-test system-packages .node/reader/.ready  ## hostile zips and files at the readers of recordings: page and command see the same (ARGS="--inputs N --seed S")
	$(BIN)/python -m tests.evidence.fuzz $(ARGS)

evidence-firefox: NEEDS += firefox-esr:/usr/bin/firefox-esr
evidence-firefox: $(BIN)/.ready-test system-packages .node/firefox/.ready .node/reader/.ready  ## the tests of the page that opens recordings in Debian's Firefox
	SPREEKKAMER_BROWSER=firefox $(BIN)/python -m pytest tests/evidence/test_page.py tests/evidence/test_slip.py $(ARGS)

.PHONY: hooks
hooks: $(BIN)/.ready-test  ## holds each commit of yours against lint and licences (pre-commit; the first time it fetches its tools)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/pre-commit install
	$(BIN)/reuse lint --quiet

.PHONY: witness
witness: $(BIN)/.ready-test system-packages  ## 500 tamperings by root with the keeper's key: with a witness each is named; the table in the guide (minutes; ARGS="--count N --seed S")
	$(BIN)/python -m tests.witness.tampering --page $(ARGS)

.PHONY: council-years
council-years: $(BIN)/.ready-test  ## 1,000 made-up years: what report answers is what was counted by hand (a minute or two; ARGS="--count N --seed S")
	$(BIN)/python -m tests.commands.thousand_years $(ARGS)

docs: $(BIN)/.ready-test system-packages .node/browser/.ready  ## draws what is drawn from the code: diagrams, the contract, cards, pictures of the page (three minutes)
	$(BIN)/python tests/tools/draw_room.py
	$(BIN)/python -m tests.tools.draw_card
	$(BIN)/python -m tests.tools.draw_wiring
	$(BIN)/python -m tests.tools.draw_faults
	$(BIN)/python -m tests.tools.draw_settings
	$(BIN)/python -m tests.tools.draw_sockets
	$(BIN)/python -m tests.tools.draw_contract
	$(BIN)/python -m tests.tools.draw_acts
	$(BIN)/python -m tests.tools.draw_walls
	$(BIN)/python -m tests.tools.draw_os
	$(BIN)/python -m tests.tools.draw_monitoring
	$(BIN)/python -m tests.tools.draw_words
	$(BIN)/python -m tests.tools.draw_cases
	$(BIN)/python -m tests.tools.draw_councils
	$(BIN)/python -m tests.tools.draw_page
	$(BIN)/python -m tests.tools.draw_notices
	$(BIN)/python -m tests.together.table

clean:               ## takes away what the others made
	rm -rf dist .venv .node .cache room *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# By the locks, so that what a package's new release breaks is met by who renews them, and not on a fresh machine.
$(BIN)/.ready: pyproject.toml simulators/requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement simulators/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(BIN)/.ready-test: pyproject.toml tests/requirements.lock | system-packages
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ $(BIN)/.ready

# What makes the lock: one version, so that it reads and writes the same everywhere.
.cache/lock/.ready: Makefile
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check uv==0.13.8
	@touch $@

.cache/audit/.ready: Makefile
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	@touch $@

# An environment of its own: what mutmut brings changes the names of the tests' processes, and JACK takes its own from them.
.cache/mutants/.ready: pyproject.toml $(BIN)/.ready-test
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.lock
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(@D)/bin/pip install --quiet --disable-pip-version-check 'mutmut>=3.8,<4'
	@touch $@

# The AsyncAPI parser, by the versions and hashes of the lock file; no package runs a script of its own.
.node/.ready: tests/contract/package.json tests/contract/package-lock.json tests/contract/.npmrc | system-packages
	@mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --loglevel error
	@touch $@

# What drives a real browser (Debian's Chromium) at our pages, the same way.
.node/browser/.ready: tests/browser/package.json tests/browser/package-lock.json tests/browser/.npmrc | system-packages
	@mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --loglevel error
	@touch $@

.node/firefox/.ready: tests/browser/firefox/package.json tests/browser/firefox/package-lock.json tests/browser/firefox/.npmrc | system-packages
	@mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --loglevel error
	@touch $@

# What the page that opens recordings is built of, the same way.
.node/reader/.ready: reader/package.json reader/package-lock.json reader/.npmrc | system-packages
	@mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --loglevel error
	@touch $@

# Home Assistant pins hundreds of packages: an environment of its own for each Python.
$(HA)/.ready: tests/homeassistant/requirements.txt tests/homeassistant/needs.py
	rm -rf $(@D) && $(HA_PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	$(@D)/bin/python tests/homeassistant/needs.py >$(@D)/needs.txt
	$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $(@D)/needs.txt
	@touch $@

.cache/node-red/.ready: tests/node_red/package.json tests/node_red/package-lock.json tests/node_red/.npmrc | system-packages
	@mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --loglevel error
	@touch $@

.cache/aedes/.ready: tests/broker_probe/package.json tests/broker_probe/package-lock.json tests/broker_probe/.npmrc tests/broker_probe/aedes.mjs | system-packages
	@mkdir -p $(@D) && cp $^ $(@D)
	npm ci --prefix $(@D) --loglevel error
	@touch $@

# RabbitMQ 4 needs a later Erlang than Debian 12 has, and that a later libc: a Debian 13 of its own, entered by chroot.
.cache/trixie/.ready: | system-packages
	rm -rf $(@D)
	mmdebstrap --quiet --variant=apt --include=rabbitmq-server trixie $(@D)
	@touch $@

# Debian's packages that the tests use for real: a broker, file systems (FAT without the kernel's help, too), age, ssh-keygen, systemd's checks, speech, ffmpeg's prober,
# Node.js, a browser with letters, a terminal, a sound server, and what PyAudio is built with. Only what is missing is installed, by package (its
# program, or a file of its): a machine may have its Node.js from elsewhere.
NEEDS := mosquitto:/usr/sbin/mosquitto e2fsprogs:/usr/sbin/mke2fs age:age openssh-client:ssh-keygen openssl:openssl systemd:systemd-analyze \
  alsa-utils:/usr/bin/aplay strace:strace ffmpeg:ffprobe nodejs:node npm:npm tmux:tmux \
  chromium:/usr/bin/chromium fonts-dejavu-core:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf \
  pulseaudio:pulseaudio pulseaudio-utils:paplay libasound2-plugins:/usr/share/alsa/alsa.conf.d/50-pulseaudio.conf \
  portaudio19-dev:/usr/include/portaudio.h gcc:gcc dosfstools:/usr/sbin/mkfs.vfat mtools:mcopy fusefat:fusefat \
  python3-dev:$(shell $(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
system-packages:
	@missing=; for need in $(NEEDS); do command -v $${need#*:} >/dev/null || test -e $${need#*:} || missing="$$missing $${need%%:*}"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends $$missing >/dev/null; \
	  else echo "Debian's packages are missing: sudo apt-get install$$missing"; exit 1; fi; fi

# What builds and runs the virtual machine: as root, on Debian 12 (its Python is the machine's). See tests/vm/README.md.
VM_APT := qemu-system-x86 qemu-utils mmdebstrap cpio e2fsprogs busybox-static kmod gcc-12 gcc make libelf-dev xz-utils \
  openssh-client portaudio19-dev python3-dev
VM_TOOLS := qemu-system-x86_64 qemu-img mmdebstrap cpio mke2fs busybox modprobe gcc-12 /usr/include/portaudio.h
vm-packages:
	@for tool in $(VM_TOOLS); do command -v $$tool >/dev/null || [ -e $$tool ] || missing=1; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -qqy --no-install-recommends $(VM_APT) >/dev/null; \
	  else echo "Debian's packages are missing: sudo apt-get install $(VM_APT)"; exit 1; fi; fi
