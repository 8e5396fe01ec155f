"""The functional core: values in, values out. No clock, thread, file, socket or log; `now_ns` is an argument."""
