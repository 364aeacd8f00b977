/**
 * config_values: struct config, the values of all options of one run.
 *
 * Every row of OPTIONS (options.h) is a member, called section_key.  config.h says where the values
 * come from; what the members mean is the help text of their rows.
 *   thread   a loaded config is constant: any
 */
#ifndef CONFIG_CONFIG_VALUES_H
#define CONFIG_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/options.h"

#define OPTION_MEMBER_BOOL(name)     bool name;
#define OPTION_MEMBER_ENUM(name)     int name;
#define OPTION_MEMBER_FLAGS(name)    unsigned name;
#define OPTION_MEMBER_DURATION(name) uint64_t name##_ms;
#define OPTION_MEMBER_SIZE(name)     uint64_t name;
#define OPTION_MEMBER_UINT(name)     uint32_t name;
#define OPTION_MEMBER_STRING(name)   char *name;
#define OPTION_MEMBER_SECRET(name)   char *name;
#define OPTION_MEMBER_DOUBLES(name)  struct doubles name;
#define OPTION_MEMBER_STRINGS(name)  struct strings name;

/* Words of ENUM options are in the order of these enums: log_level, log_format (base/log.h), listen_spread, gauge_sign, name_tags. */
enum observer_type { OBSERVER_SUMMARY, OBSERVER_HISTOGRAM };

struct listen_address;

struct config {
#define X(section, key, kind, def, min, max, words, help) OPTION_MEMBER_##kind(section##_##key)
    OPTIONS(X)
#undef X
    /* Made of the options. */
    struct listen_address *sockets;   /* listen.socket (listen/socket_url.h), each with its own
                                         options or those of the config; localhost makes two */
    size_t n_sockets;
    char *file;                       /* the file read, or NULL */
    char *origin[OPTION_COUNT];       /* what gave the value: "statsd.conf:12", "STATSD_HTTP_LISTEN", "--set"; NULL: the default */
    struct buf warnings;              /* lines (with LF) about what has no effect and was probably meant to have one */
};

#endif
