/**
 * out: the statsd.conf, and the mapping file, that a converter makes.
 *
 * Each function takes the place in the foreign config that it follows, and writes it as a comment
 * above what it makes of it.  Mistakes are collected; none stops the conversion.
 *   thread   main
 */
#ifndef CMD_CONVERT_OUT_H
#define CMD_CONVERT_OUT_H

#include "base/buf.h"
#include "config/rivals.h"

enum { CONVERT_MISTAKES_MAX = 100 };

/* A place in the foreign config. */
struct place {
    const char *key;  /* "dogstatsd_port" */
    unsigned line;    /* 0: it has none, it is a default or a flag */
    const char *file; /* NULL: that of struct convert */
};

struct convert {
    const char *from;        /* "datadog" */
    const char *file;        /* that is being read, for messages */
    const char *mapping_out; /* path of the mapping file to be written; NULL: none was named */
    /* The rest is convert_'s own. */
    struct buf lines[OPTION_COUNT]; /* each option with its comments, ready to print */
    struct buf notes;               /* what has no counterpart, as comments */
    struct buf rules;               /* of the mapping file */
    struct buf mistakes;
    size_t n_mistakes;
};

/* Give the option a value; a STRINGS option one more.  A value it does not take is a mistake. */
void convert_set(struct convert *c, struct place at, enum option_id id, struct slice value);

/* Add a comment line above an option, for why it has its value. */
void convert_remark(struct convert *c, enum option_id id, const char *text);

/* Say why the place has no counterpart. */
void convert_note(struct convert *c, struct place at, const char *reason);

/* Do what the row of rivals.h says; value NULL: there was none. */
void convert_rival(struct convert *c, struct place at, const struct rival *r, const char *value);

/* Add a mistake: "FILE:LINE: KEY: ..." */
void convert_mistake(struct convert *c, struct place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A string of the mapping file, quoted and escaped. */
void convert_quoted(struct slice s, struct buf *out);

/* Append the whole statsd.conf; without mapping_out the mapping too, as comments at its end. */
void convert_print(const struct convert *c, struct buf *out);

/* Append the mapping file, if there are rules. */
void convert_print_mapping(const struct convert *c, struct buf *out);

void convert_release(struct convert *c);

#endif
