/**
 * config: the options of one run, read from everywhere, checked, and ready to use.
 *
 * Order: flag (--set) before environment (STATSD_SECTION_KEY) before file before default.  Every mistake in all of them is found
 * in one go and told with where it is, what is wrong and what would be right: those of the file in the order of its lines, then
 * those of the environment, then those of the flags.
 *
 *   thread   config_load is for one thread at a time (inih keeps its settings in globals); a loaded config is constant
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

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

struct config_source {
    const char *file;                 /* -c, or NULL: none */
    const char *const *sets;          /* each "section.key=value" */
    size_t n_sets;
    char *const *environ;             /* NULL-terminated, or NULL: none */
};

/**
 * config_load(src, ret, ret_errors):
 *   ret          to be released
 *   ret_errors   gets one line (with LF) for each mistake; control bytes of values are escaped
 *   returns      0; -EINVAL with ret untouched
 */
int config_load(const struct config_source *src, struct config *ret, struct buf *ret_errors);

/* The same with the file's text in memory; name stands for it in messages.  For tests and fuzzing. */
int config_load_text(const struct config_source *src, const char *name, struct slice text, struct config *ret, struct buf *ret_errors);

void config_release(struct config *c);   /* { 0 } is fine */

/* Append the value of an option, spelled as in the file; a secret shows as "(set)" or nothing. */
void config_print(const struct config *c, enum option_id id, struct buf *out);

#endif
