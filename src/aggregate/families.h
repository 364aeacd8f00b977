/**
 * families: the output side: all families by name, and in them what is exposed, by labels.  Private
 * to aggregate/.
 *
 * Walks go over it in pieces.  Where an exposed leaves a family, those behind it move up so that
 * none passes the place of a walk (family_cursor).
 */
#ifndef AGGREGATE_FAMILIES_H
#define AGGREGATE_FAMILIES_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/exposed_priv.h"
#include "aggregate/family.h"
#include "aggregate/index.h"
#include "aggregate/places.h"
#include "base/buf.h"
#include "base/slice.h"

struct families {
    struct index by_name; /* families */
    struct family **at;   /* all, the first n_sorted in order of their names; NULL
                                        where one was dropped */
    size_t n, n_sorted, n_dropped, cap;
    size_t n_exposed; /* of all families together */
    uint64_t order;   /* goes up when families change their places */
    uint64_t n_born;  /* number of the youngest family */
    struct family_cursor *cursors;
    const struct symbols *symbols; /* borrowed */
    struct buf scratch;            /* of lookups by labels */
};

static inline void families_check(const struct families *fs)
{
    assert(fs->n_sorted <= fs->n && fs->n_dropped <= fs->n && fs->n <= fs->cap);
    assert(fs->by_name.n == fs->n - fs->n_dropped);
}

static inline void family_check(const struct families *fs, const struct family *f)
{
    assert(f->at < fs->n && fs->at[f->at] == f);
    assert(f->n <= f->cap && (f->type != FAMILY_RESERVED || f->n == 0));
    assert(f->born > 0 && f->born <= fs->n_born);
    assert(f->by_labels == NULL || f->by_labels->n == f->n);
}

static inline void family_cursor_check(const struct family_cursor *c)
{
    assert(c->family == NULL || (c->at <= c->until && c->until <= c->family->n));
}

void families_init(struct families *fs, const struct symbols *symbols); /* borrowed */

/* The families go; what was exposed in them is its owner's. */
void families_release(struct families *fs);

struct family *families_find(const struct families *fs,
                             struct slice name); /* NULL: there is none */

/* f's help is a copy of text, unless it has one or text is NULL. */
void families_help(struct family *f, const char *text);

/* No family has a help text. */
void families_forget_help(struct families *fs);

/* There is none of that name. */
struct family *families_new(struct families *fs, struct slice name, enum family_type type);

/* All of them, the reserved ones too, sorted by name; valid until the next change. */
struct family *const *families_sorted(struct families *fs, size_t *ret_n);

/* ---- what is exposed ---- */

/* A label text in a family, and its hash: worked out once for a look-up and an addition. */
struct labels_key {
    const struct family *family;
    struct slice text; /* without labels that are empty */
    uint32_t hash;
};

struct labels_key families_key(const struct family *f, struct slice labels);

/* What stands there, or NULL. */
struct exposed *families_exposed(struct families *fs, const struct labels_key *key);

/* Put e, which has those labels, into the family.  Nothing stands there under them. */
void families_add(struct families *fs, struct family *f, struct exposed *e,
                  const struct labels_key *key);

/* `by`, whose labels are the same, takes the place of e on the page. */
void families_replace(struct exposed *e, struct exposed *by);

/*
 * e leaves the page; a family that is empty then goes too, so that a storm of names leaves nothing
 * behind.
 */
void families_remove(struct families *fs, struct exposed *e);

/* f's name goes to another: all in it is off the page, with its values.  f is gone. */
void families_evict(struct families *fs, struct family *f);

/* ---- walks ---- */

void families_enter(struct families *fs, struct family_cursor *c); /* c is zeroed */
void families_leave(struct families *fs, struct family_cursor *c);

#endif
