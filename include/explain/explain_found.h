/**
 * explain_found: what explain_core found, as others read it.
 *   thread   one
 */
#ifndef EXPLAIN_FOUND_H
#define EXPLAIN_FOUND_H

#include <jansson.h>

#include "base/buf.h"
#include "config/config.h"
#include "protocol/reason.h"

struct explain_error {
    enum reason reason;
    const char *line; /* as received, one of explain_core.lines; NULL: it is not about a line */
    size_t len;       /* bytes of line */
    size_t at;        /* byte at which it went wrong; SIZE_MAX: nowhere in particular */
};

struct explain_line {
    char *ptr;
    size_t len;
};

/* What was found past explain_core_allow, and counted alone. */
struct explain_left_out {
    uint64_t samples, events, checks, errors;
};

struct explain_core;

/* How each of them is told to people: appends its text. */
struct explain_teller {
    void (*sample)(const struct explain_core *x, json_t *sample, const json_t *rule,
                   struct buf *out);
    void (*event)(const struct explain_core *x, json_t *event, struct buf *out);
    void (*check)(const struct explain_core *x, json_t *check, struct buf *out);
    void (*error)(const struct explain_core *x, const struct explain_error *e, struct buf *out);
};

struct explain_machine;

struct explain_core {
    const struct config *config; /* borrowed */
    /*
     * Since the last clear; arrays of objects as in tests/conformance/protocol.jsonl.  A sample may
     * also have "tags_cut", "tags_added" (by aggregate.global_tags) and "exemplar", the value of
     * prometheus.exemplar_tag.
     */
    json_t *samples, *events, *checks;
    json_t *rules; /* of each sample, as explain_rule.h has it; empty without a mapping file */
    struct explain_error *errors;
    size_t n_errors, cap_errors;
    struct explain_line *lines; /* owned copies, of the lines that errors are about */
    size_t n_lines, cap_lines;
    struct explain_left_out left_out;
    uint64_t tag_errors, unknown_fields;
    /* Of all datagrams, by series: {"name", "tags", "down": sum of decrements, "up": whether there
     * was an increment}. */
    json_t *counters;
    const struct explain_teller *teller; /* when bounded */
    bool bounded;                        /* explain_core_allow was called */
    bool counters_lack;              /* samples were left out, so counters are not all there is */
    size_t room;                     /* bytes that are left of what it allows; when bounded */
    struct explain_machine *machine; /* explain_core.c's own */
};

#endif
