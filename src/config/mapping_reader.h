/**
 * mapping_reader: what all parts of reading a mapping file share: the place, the mistakes found so
 * far, and how a map becomes fields.
 */
#ifndef CONFIG_MAPPING_READER_H
#define CONFIG_MAPPING_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/document.h"

struct mapping_mistake {
    unsigned line;
    size_t number; /* in the order in which they were found */
    char *text;    /* owned; without LF */
};

struct mapping_reader {
    const char *path;
    struct document document;
    /* The rule being read, from 1; 0: none.  match as written, for messages. */
    size_t rule;
    struct slice match;
    struct mapping_mistake *mistakes;
    size_t n_mistakes, cap_mistakes;
};

/**
 * mapping_reader_file(path, what, ret, ret_errors):
 * Append the file to ret; of one longer than a document may be, enough that document_parse says so.
 *   what     "mapping file", for messages
 *   returns  0; -EINVAL with a line (with LF) in ret_errors
 */
int mapping_reader_file(const char *path, const char *what, struct buf *ret,
                        struct buf *ret_errors);

void mapping_reader_release(struct mapping_reader *r);

/**
 * mapping_reader_mistake(r, line, format, ...):
 * Add a mistake: what is wrong, and what would be right.  The rule is added in front.  Beyond
 * MAPPING_MISTAKES_MAX they are counted only.
 *   format   its texts from outside have been escaped (mapping_reader_field, escape_short)
 */
void mapping_reader_mistake(struct mapping_reader *r, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether there are so many mistakes that reading on is of no use. */
bool mapping_reader_full(const struct mapping_reader *r);

/* Append all mistakes, by line, each with an LF. */
void mapping_reader_print(struct mapping_reader *r, struct buf *out);

/* "PATH:LINE: rule N (MATCH): "; rule 0: without the rule. */
void mapping_reader_where(const char *path, unsigned line, size_t rule, struct slice match,
                          struct buf *out);

/* A key of a map.  Those that were meant for elsewhere, or are from another time, have a hint. */
struct mapping_key {
    const char *name;
    const char *hint; /* NULL: the key is right; else what to write instead */
};

/* A value with what it is called in messages: "ttl", "summary_options.max_age". */
struct mapping_field {
    const struct document_node *node; /* NULL: not given, or null */
    unsigned line;                    /* of the value, or of the map that lacks it */
    const char *block;                /* "" or "summary_options." */
    const char *name;
};

/**
 * mapping_reader_fields(r, map, block, keys, n, ret):
 * Sort the values of a map by key: ret[i] is that of keys[i].  Unknown and repeated keys are
 * mistakes.  Merge keys (<<) fill in what the map has not itself.
 *   map      may be of any kind; what is no map is a mistake, and has no fields
 *   keys     those without a hint first
 *   ret      n of them, all written
 */
void mapping_reader_fields(struct mapping_reader *r, const struct document_node *map,
                           const char *block, const struct mapping_key *keys, size_t n,
                           struct mapping_field *ret);

/* A pair of a map.  key is TEXT.  merged: it is from a map that a merge key names. */
typedef void (*mapping_pair_fn)(struct mapping_reader *r, void *cookie,
                                const struct document_node *key, const struct document_node *value,
                                bool merged);

/**
 * mapping_reader_pairs(r, map, block, fn, cookie):
 * Call fn for each pair, those of the map itself first, then those that merge keys name.
 *   map, block   as above
 */
void mapping_reader_pairs(struct mapping_reader *r, const struct document_node *map,
                          const char *block, mapping_pair_fn fn, void *cookie);

/* Add the mistake "BLOCK.NAME: 'VALUE' text", or without a value if that is no text. */
void mapping_reader_wrong(struct mapping_reader *r, const struct mapping_field *f,
                          const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
