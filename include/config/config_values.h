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

/* The type of a member is that of its kind, its name section_key or section_key_ms. */
#define X(kind, type, text) typedef type option_type_##kind;
OPTION_KINDS(X)
#undef X
#define OPTION_MEMBER_BOOL(name)     name
#define OPTION_MEMBER_ENUM(name)     name
#define OPTION_MEMBER_FLAGS(name)    name
#define OPTION_MEMBER_DURATION(name) name##_ms
#define OPTION_MEMBER_SIZE(name)     name
#define OPTION_MEMBER_UINT(name)     name
#define OPTION_MEMBER_DOUBLE(name)   name
#define OPTION_MEMBER_STRING(name)   name
#define OPTION_MEMBER_SECRET(name)   name
#define OPTION_MEMBER_DOUBLES(name)  name
#define OPTION_MEMBER_STRINGS(name)  name

/* An ENUM option holds a C enum, whose order its words have: this one; log_level and log_format of
 * base/log.h; listen_spread of listen/, gauge_sign and name_tags (FLAGS) of protocol/. */
enum observer_type { OBSERVER_SUMMARY, OBSERVER_HISTOGRAM };
/* And this one, which is enum gauge_merge of aggregate/. */
enum gauge_rule {
    GAUGE_RULE_LATEST,
    GAUGE_RULE_SUM,
    GAUGE_RULE_MIN,
    GAUGE_RULE_MAX,
    GAUGE_RULE_AVG
};
#define GAUGE_RULE_WORDS "latest|sum|min|max|avg"

struct listen_address;
struct tag_options;

struct config {
#define X(section, key, kind, def, min, max, words, takes, help)                                   \
    option_type_##kind OPTION_MEMBER_##kind(section##_##key);
    OPTIONS(X)
#undef X
    /* Made of listen.socket by the rules of listen/ (rules.h), as struct listen_address of
     * listen/socket_url.h: each URL with its own options or else those of the config.  A URL with
     * localhost makes two. */
    struct listen_address *sockets;
    size_t n_sockets;
    /* Made of aggregate.drop_tags and global_tags by the rules, as core/tag_options.h has it. */
    struct tag_options *tags;
    /* Where the values came from. */
    char *file;                 /* path that was read; NULL: none */
    char *origin[OPTION_COUNT]; /* "statsd.conf:12", "STATSD_HTTP_LISTEN", "--set"; NULL: default */
    struct buf warnings;        /* lines, each with its LF: what has no effect, and should have */
};

#endif
