/**
 * mapping: which rule a metric falls under, and what the rule makes of it.
 *
 *     mapping_find(m, scratch, name, class, &match)       which rule, and its captures
 *     mapping_name(&match, out), mapping_label(&match, i, out)     its templates, filled in
 *
 * All globs are looked at before all regexes.  Of several globs that match, the one declared first
 * wins, or, with `unordered`, the one that has a literal where the other has `*`, at the leftmost
 * component in which they differ.  Of several regexes, the first.
 *
 *   thread   a mapping never changes: any, each with a scratch of its own
 *   cost     globs: a look-up for each component of the name, however many rules there are, and one
 *            for each rule shape left over (src/aggregate/mapping_glob.h).  Regexes: one after
 *            another, each a few milliseconds at most.  What this room allocates is allocated in
 *            advance
 */
#ifndef AGGREGATE_MAPPING_H
#define AGGREGATE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/profile.h"
#include "base/buf.h"
#include "base/slice.h"
#include "protocol/sample.h"

enum mapping_class {
    MAPPING_COUNTER,
    MAPPING_GAUGE,    /* sets, too: they are shown as gauges */
    MAPPING_OBSERVER, /* ms, h, d */
    MAPPING_CLASS_COUNT
};

/* Of a sample's type. */
static inline enum mapping_class mapping_class_of(enum sample_type t)
{
    switch (t) {
    case SAMPLE_COUNTER:
        return MAPPING_COUNTER;
    case SAMPLE_GAUGE:
    case SAMPLE_SET:
        return MAPPING_GAUGE;
    default:
        return MAPPING_OBSERVER;
    }
}

/*
 * Templates: $n and ${n} are capture n, and in rules with a regex $who and ${who} the group of that
 * name.  Without braces a reference goes as far as [A-Za-z0-9_] do: `$1_total` asks for a group
 * "1_total".  What does not exist or took no part in the match is empty.  `$$` is `$`, and so is a
 * `$` that begins no reference.
 */
struct mapping_label {
    const char *key;   /* a label name of Prometheus */
    const char *value; /* template */
};

struct mapping_rule {
    const char *match; /* a glob; or a regex of RE2 (src/aggregate/mapping_re2.h) */
    bool regex;
    uint8_t classes;   /* bit 1 << enum mapping_class */
    bool drop;         /* nothing is aggregated */
    bool honor_labels; /* a tag of the same name wins over the rule's label */
    const char *name;  /* template */
    const struct mapping_label *labels;
    size_t n_labels;
    const char *help; /* NULL: a text that says nothing of the metric */
    uint8_t profile;  /* number in the set of profiles that belongs to the mapping */
    unsigned line;    /* in the mapping file, for people */
};

struct mapping_opts {
    const struct mapping_rule *rules;
    size_t n_rules;
    bool unordered; /* glob_disable_ordering */
    /* A rule that does not compile, once for each.  text lives for the call. */
    void (*on_error)(void *cookie, size_t rule, const char *text);
    void *cookie;
};

struct mapping;

/**
 * mapping_new(opts, ret):
 * Everything is copied.  The rules' syntax but for regexes was checked before (mapping_file.h).
 *   returns  0; -EINVAL, then on_error was called
 */
int mapping_new(const struct mapping_opts *opts, struct mapping **ret);

/* Does the regex of a rule not compile?  If so, what is wrong with it is appended to why. */
bool mapping_regex_wrong(const char *regex, struct buf *why);

void mapping_free(struct mapping *m); /* NULL is fine */

size_t mapping_rules(const struct mapping *m);
bool mapping_is_unordered(const struct mapping *m);
const struct mapping_rule *mapping_rule_at(const struct mapping *m, size_t i);

/* What one thread needs for mapping_find in m. */
struct mapping_scratch;
struct mapping_scratch *mapping_scratch_new(const struct mapping *m);
void mapping_scratch_free(struct mapping_scratch *s); /* NULL is fine */

/* Valid until the next mapping_find with the same scratch, and as long as name. */
struct mapping_match {
    const struct mapping_rule *rule; /* one of mapping_rule_at; NULL: none matches */
    const struct slice *captures;    /* [0]: what matched (of a glob: the whole name) */
    size_t n_captures;               /* of a regex that matched: one more than its groups */
};

/**
 * mapping_find(m, scratch, name, c, ret):
 *   name     as sent, after name-tag extraction, not escaped
 *   s        made for m
 *   returns  ret->rule != NULL
 * A regex that reaches its limits counts as one that does not match (mapping_limit_hits).  No regex
 * matches a name that is not UTF-8.
 */
bool mapping_find(const struct mapping *m, struct mapping_scratch *s, struct slice name,
                  enum mapping_class c, struct mapping_match *ret);

/* Searches that a limit ended, by this scratch, since it was made. */
uint64_t mapping_limit_hits(const struct mapping_scratch *s);

/* Append the rule's name, or the value of its label i, with the captures filled in.  Nothing is
 * escaped. */
void mapping_name(const struct mapping_match *match, struct buf *out);
bool mapping_name_is_empty(const struct mapping_match *match);
void mapping_label(const struct mapping_match *match, size_t i, struct buf *out);

/* Bytes held by it, for memory_bound; scratches come on top (mapping_scratch_memory). */
size_t mapping_memory(const struct mapping *m);
size_t mapping_scratch_memory(const struct mapping *m); /* of one */

#endif
