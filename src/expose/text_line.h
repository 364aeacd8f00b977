/**
 * text_line: what the formats that have a line for each number share.
 *
 *     # KEYWORD name text                             text_put_meta
 *     name{labels,quantile="0.5"} value               text_put_line
 *     name_bucket{labels,le="0.1"} value
 *
 * Labels stay sorted: `quantile` and `le` stand between those that sort before and behind them.
 *
 *   thread   control
 */
#ifndef EXPOSE_TEXT_LINE_H
#define EXPOSE_TEXT_LINE_H

#include "aggregate/profile.h"
#include "base/buf.h"
#include "base/number.h"
#include "base/slice.h"

/* `quantile="0.5"` or `le="0.1"`, ready to be put between the braces. */
struct text_label {
    char text[48];
    size_t len;
};

/* Of one profile. */
struct text_labels {
    uint64_t set; /* of that profile: another set may have one of its number */
    struct text_label *quantiles;
    struct text_label *buckets; /* n_buckets + 1, the last is +Inf */
};

/* Of every profile of the set in force, each worked out at first sight. */
struct text_profiles {
    /* How a quantile or a bound is spelled: as number_print. */
    size_t (*print)(char *out, double v);
    struct text_labels of[PROFILES_MAX];
};

const struct text_labels *text_labels_of(struct text_profiles *t, const struct profile *p);
void text_profiles_release(struct text_profiles *t);

/* The labels of a line, cut where one more goes in. */
struct text_split {
    struct slice before; /* with its last comma */
    struct slice after;
};

/* labels: as in struct writer_ops.  key: of the label that goes in */
struct text_split text_split(struct slice labels, struct slice key);

/**
 * text_put_meta(out, keyword, name, text, escaped):
 *   keyword  HELP or TYPE
 *   escaped  bytes of text that get a backslash, beside the line feed, which becomes \n
 */
void text_put_meta(struct buf *out, const char *keyword, struct slice name, const char *text,
                   const char *escaped);

/* A number and its text; { 0 } is none. */
struct text_number {
    double value;
    size_t len;
    char text[NUMBER_TEXT_MAX];
};

/* What stands in front of a value; of several lines of an exposed, some of it changes. */
struct text_sample {
    struct slice name, suffix;
    struct text_split labels;
    const struct text_label *extra; /* NULL: none */
    struct text_number *last;       /* of the line before, which may well be the same; NULL: not */
};

/* Without the line's end, so that more may follow the value. */
void text_put_sample(struct buf *out, const struct text_sample *s, double value);

static inline void text_put_line(struct buf *out, const struct text_sample *s, double value)
{
    text_put_sample(out, s, value);
    buf_append_char(out, '\n');
}

/* What the lines of an exposed take at most, in bytes, with n_more beside quantiles and bounds. */
uint64_t text_exposed_bytes(const struct profile *p, unsigned n_more);

#endif
