"""The Debian packages: `python -m deploy.deb`, or `make deb`. README.md beside this file says how they are built."""
