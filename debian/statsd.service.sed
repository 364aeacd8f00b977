# contrib/systemd/statsd.service, as the package has it: other places, the package's user, its AppArmor profile.
/^# statsd under systemd/,/^# optional:/d
s,/usr/local/,/usr/,g
s,/etc/statsd\.conf,/etc/statsd/statsd.conf,
s,^Documentation=,Documentation=man:statsd(1) ,
/^# A user that exists in this unit alone/,/^# that root alone can read/d
/^DynamicUser=yes$/c\
# The user that the package made: the files that the config names have to be readable by it.\
User=_statsd\
# What the process may do, once more, for the service alone (/etc/apparmor.d/statsd).  Without AppArmor the line does nothing.\
AppArmorProfile=-statsd
