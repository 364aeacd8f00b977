/**
 * options: what is known of each option, whatever its value: its row, its names, its kind.
 *
 *   options        the table and the names in it
 *   option_value   a value as text, and in memory
 *   config_values  struct config: all values of one run
 *   config         reads them from everywhere
 *
 *   thread   any (constant)
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "config/option_rows.h"

/* clang-format off */
/* X(kind, C type, name for people) */
#define OPTION_KINDS(X)                                                                            \
    X(BOOL,     bool,           "on|off")                                                          \
    X(ENUM,     int,            "word")                                                            \
    X(FLAGS,    unsigned,       "list of words")                                                   \
    X(DURATION, uint64_t,       "duration")   /* milliseconds */                                   \
    X(SIZE,     uint64_t,       "size")       /* bytes */                                          \
    X(UINT,     uint32_t,       "number")                                                          \
    X(DOUBLE,   double,         "decimal number")                                                  \
    X(STRING,   char *,         "text")                                                            \
    X(SECRET,   char *,         "text")       /* may hold a password: its value is never shown */  \
    X(DOUBLES,  struct doubles, "list of numbers")                                                 \
    X(STRINGS,  struct strings, "text, may repeat")
/* clang-format on */

/* Most elements of lists that go into every timer's exposition. */
enum { OPTION_QUANTILES_MAX = 32, OPTION_BUCKETS_MAX = 128 };

struct doubles {
    double *at;
    size_t n;
};

struct strings {
    char **at;
    size_t n;
};

/* clang-format off */
enum option_kind {
#define X(kind, type, text) OPTION_##kind,
    OPTION_KINDS(X)
#undef X
};

enum option_id {
#define X(section, key, kind, def, min, max, words, takes, help) OPTION_##section##_##key,
    OPTIONS(X)
#undef X
    OPTION_COUNT
};
/* clang-format on */

/* When does a change of an option take effect? */
enum option_takes { OPTION_TAKES_RELOAD, OPTION_TAKES_RESTART };

/* A row of OPTIONS, as option_rows.h explains its columns. */
struct option_row {
    const char *section, *key;
    enum option_kind kind;
    size_t offset; /* of the member in struct config */
    const char *def;
    double min, max;
    const char *words;
    enum option_takes takes;
    const char *help;
};

extern const struct option_row options_table[OPTION_COUNT]; /* by enum option_id */

/* Room for "section.key" and for "STATSD_SECTION_KEY", with the NUL. */
enum { OPTION_NAME_MAX = 48, OPTION_ENV_MAX = 64 };

/* Assert that a row makes sense: words where there should be, limits in order, a name that fits. */
void options_check(enum option_id id);

/* Case matters.  returns  the id, or OPTION_COUNT: there is none */
enum option_id options_find(struct slice section, struct slice key);

bool options_section_known(struct slice section);

/* The sections by number, in the order of OPTION_SECTIONS.  returns  NULL past the last one */
const char *options_section(size_t i);

/* How many words are in a list that '|' joins. */
size_t options_words(const char *words);

/* Write the name of the environment variable: "STATSD_SERVER_INTERVAL". */
void options_env_name(enum option_id id, char out[OPTION_ENV_MAX]);

#endif
