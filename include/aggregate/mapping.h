/**
 * mapping: which rule a metric falls under, and what the rule makes of it (MAPPING.md).
 *
 *     mapping_find(m, scratch, name, class, &match)       which rule, and its captures
 *     mapping_name(&match, out), mapping_label(&match, i, out)     its templates, filled in
 *
 * All globs are looked at before all regexes; of several globs that match, the one declared first
 * wins, or, with `unordered`, the one that has a literal further to the left.
 *
 *   thread   a mapping never changes: any, each with a scratch of its own
 *   cost     globs: a walk down a trie, whose length follows from the name and not from the number
 *            of rules; regexes: one after another, each with limits on steps and memory.  No
 *            allocation
 */
#ifndef AGGREGATE_MAPPING_H
#define AGGREGATE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/profile.h"
#include "base/buf.h"
#include "base/slice.h"

enum mapping_class {
    MAPPING_COUNTER,
    MAPPING_GAUGE,    /* sets, too: they are shown as gauges */
    MAPPING_OBSERVER, /* ms, h, d */
    MAPPING_CLASS_COUNT
};

struct mapping_label {
    const char *key;   /* a label name of Prometheus */
    const char *value; /* template */
};

struct mapping_rule {
    const char *match;
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
void mapping_free(struct mapping *m); /* NULL is fine */

size_t mapping_rules(const struct mapping *m);
const struct mapping_rule *mapping_rule_at(const struct mapping *m, size_t i);

/* What one thread needs for mapping_find in m. */
struct mapping_scratch;
struct mapping_scratch *mapping_scratch_new(const struct mapping *m);
void mapping_scratch_free(struct mapping_scratch *s); /* NULL is fine */

/* Valid until the next mapping_find with the same scratch, and as long as name. */
struct mapping_match {
    const struct mapping_rule *rule; /* NULL: none matches */
    const struct slice *captures;    /* [0]: what matched (of a glob: the whole name) */
    size_t n_captures;
};

/**
 * mapping_find(m, scratch, name, c, ret):
 *   name     as sent, after name-tag extraction, not escaped
 *   returns  ret->rule != NULL
 * A regex that reaches its limits counts as one that does not match (mapping_limit_hits).
 */
bool mapping_find(const struct mapping *m, struct mapping_scratch *s, struct slice name,
                  enum mapping_class c, struct mapping_match *ret);

/* Searches that a limit ended, by this scratch, since it was made. */
uint64_t mapping_limit_hits(const struct mapping_scratch *s);

/* Append the rule's name, or the value of its label i, with the captures filled in.  Nothing is
 * escaped. */
void mapping_name(const struct mapping_match *match, struct buf *out);
void mapping_label(const struct mapping_match *match, size_t i, struct buf *out);

/* Bytes held by it, for memory_bound. */
size_t mapping_memory(const struct mapping *m);

#endif
