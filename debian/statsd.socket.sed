/^# The sockets of statsd.service, bound/i\
# Not enabled by the package.
