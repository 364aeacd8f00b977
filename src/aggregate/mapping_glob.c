/*
 * In this file: the keys of the two tables, from rules to shapes, from shapes to the tables, the
 * search.
 */
#include "aggregate/mapping_glob.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/mapping_entries.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

/*
 * A glob, and the first rule of each class that has it.  One lies behind the other, with its text,
 * so that a search meets few cache lines.
 */
struct pattern {
    uint32_t rule[MAPPING_GLOB_CLASSES];
    char text[];
};

struct shape {
    const char *text; /* of one of its globs, while the tables are made */
    uint32_t length;
    uint32_t n_patterns;
    size_t first_pattern;               /* offset in patterns */
    uint32_t first_literal, n_literals; /* in literals */
    uint32_t least;                     /* see set_order */
};

/* The bits of the shapes that have `*` in a place, and of those that do not. */
struct place {
    uint64_t stars, literals;
};

/* The shapes of as many components. */
struct length {
    uint32_t first_shape, n_shapes;
    uint32_t per_bit;     /* shapes that share a bit */
    uint32_t first_place; /* in places */
    uint64_t bits;
};

struct mapping_globs {
    struct buf patterns;
    struct shape *shapes;
    struct length *lengths; /* [0..longest] */
    uint32_t *literals;     /* places of shapes that are not `*` */
    struct place *places;
    struct mapping_entries
        words; /* a text in a place -> bits of the shapes that have it or `*` there */
    struct mapping_entries index; /* a shape and its literals -> offset of the pattern + 1 */
    size_t n_shapes, n_literals, n_places, longest;
    bool unordered;
};

/* --- the keys */

/* The same text in another place, or in names of another length, is another key. */
static uint64_t hash_of(struct slice text, size_t length, size_t place)
{
    return XXH3_64bits_withSeed(text.ptr, text.len, hash_seed + (length << 32 | place));
}

static uint64_t key_of(const struct mapping_globs *g, const struct shape *s,
                       const struct mapping_place *places)
{
    uint64_t key = (uint64_t)(s - g->shapes + 1) * 0x9E3779B97F4A7C15ull;
    for (uint32_t i = 0; i < s->n_literals; i++)
        key += places[g->literals[s->first_literal + i]].hash;
    return key;
}

/* returns  the number of components; most + 1: there are more than most */
static size_t split(struct slice name, struct mapping_place *places, size_t most)
{
    size_t n = 0;
    if (name.ptr == NULL)
        name = SLICE_LIT("");
    for (; name.ptr != NULL && n < most; n++)
        places[n].text = mapping_glob_component(&name);
    return name.ptr != NULL ? most + 1 : n;
}

/* --- from rules to shapes */

static uint32_t length_of(const char *glob)
{
    uint32_t n = 1;
    for (; *glob != '\0'; glob++)
        n += *glob == '.';
    return n;
}

/* By length, then a literal before `*` from left to right: 0 for globs of one shape. */
static int compare_shapes(const char *a, const char *b)
{
    uint32_t length_a = length_of(a), length_b = length_of(b);
    struct slice left = slice_str(a), right = slice_str(b);
    if (length_a != length_b)
        return length_a < length_b ? -1 : 1;
    while (left.ptr != NULL) {
        bool star = mapping_glob_is_star(mapping_glob_component(&left));
        if (star != mapping_glob_is_star(mapping_glob_component(&right)))
            return star ? 1 : -1;
    }
    return 0;
}

static int compare_globs(const void *a, const void *b)
{
    const struct mapping_glob *x = a, *y = b;
    int c = compare_shapes(x->text, y->text);
    c = c != 0 ? c : strcmp(x->text, y->text);
    return c != 0 ? c : (x->rule > y->rule) - (x->rule < y->rule);
}

static void add_shape(struct mapping_globs *g, const char *glob, size_t *cap_literals)
{
    struct slice rest = slice_str(glob);
    struct shape *s = &g->shapes[g->n_shapes++];
    *s = (struct shape){ .text = glob,
                         .length = length_of(glob),
                         .first_pattern = g->patterns.len,
                         .first_literal = (uint32_t)g->n_literals,
                         .least = MAPPING_GLOB_NONE };
    for (uint32_t place = 0; rest.ptr != NULL; place++) {
        if (mapping_glob_is_star(mapping_glob_component(&rest)))
            continue;
        g->literals = mem_grow(g->literals, cap_literals, g->n_literals + 1, sizeof *g->literals);
        g->literals[g->n_literals++] = place;
        s->n_literals++;
    }
}

static struct pattern *pattern_at(const struct mapping_globs *g, size_t offset)
{
    return (struct pattern *)(void *)(g->patterns.ptr + offset);
}

static size_t pattern_size(const char *text)
{
    size_t align = _Alignof(struct pattern);
    return (sizeof(struct pattern) + strlen(text) + align) / align * align;
}

/* Valid until the next one. */
static struct pattern *add_pattern(struct mapping_globs *g, const char *text)
{
    size_t size = pattern_size(text);
    struct pattern *p = (struct pattern *)(void *)buf_reserve(&g->patterns, size);
    memset(p, 0, size);
    memcpy(p->text, text, strlen(text));
    for (int c = 0; c < MAPPING_GLOB_CLASSES; c++)
        p->rule[c] = MAPPING_GLOB_NONE;
    g->patterns.len += size;
    g->shapes[g->n_shapes - 1].n_patterns++;
    return p;
}

/* Equal globs stand beside each other, and so do globs of one shape. */
static void add_globs(struct mapping_globs *g, const struct mapping_glob *globs, size_t n)
{
    size_t cap_literals = 0;
    struct pattern *p = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct mapping_glob *this = &globs[i];
        if (i == 0 || compare_shapes(this[-1].text, this->text) != 0)
            add_shape(g, this->text, &cap_literals);
        if (i == 0 || strcmp(this[-1].text, this->text) != 0)
            p = add_pattern(g, this->text);
        for (int c = 0; c < MAPPING_GLOB_CLASSES; c++)
            if (this->classes & 1u << c && p->rule[c] == MAPPING_GLOB_NONE)
                p->rule[c] = this->rule;
        struct shape *s = &g->shapes[g->n_shapes - 1];
        s->least = s->least < this->rule ? s->least : this->rule;
    }
}

static int compare_least(const void *a, const void *b)
{
    const struct shape *x = a, *y = b;
    return (x->least > y->least) - (x->least < y->least);
}

/*
 * The search ends before a shape whose least is not below the best rule so far.  In the order of
 * declaration that is the least rule of the shape, and later shapes have only greater ones; else
 * it is above all rules, so that any hit is the end.
 */
static void set_order(struct mapping_globs *g, struct length *l)
{
    struct shape *shapes = g->shapes + l->first_shape;
    assert(l->n_shapes > 0);
    for (uint32_t i = 0; i < l->n_shapes && g->unordered; i++)
        shapes[i].least = MAPPING_GLOB_NONE;
    if (!g->unordered)
        qsort(shapes, l->n_shapes, sizeof *shapes, compare_least);
    l->per_bit = (l->n_shapes + 63) / 64;
    l->bits = ~0ull >> (64 - (l->n_shapes + l->per_bit - 1) / l->per_bit);
}

static void add_lengths(struct mapping_globs *g)
{
    g->longest = g->n_shapes > 0 ? g->shapes[g->n_shapes - 1].length : 0;
    g->lengths = mem_zalloc((g->longest + 1) * sizeof *g->lengths);
    for (uint32_t i = 0; i < g->n_shapes; i++) {
        struct length *l = &g->lengths[g->shapes[i].length];
        if (l->n_shapes++ == 0) {
            l->first_shape = i;
            l->first_place = (uint32_t)g->n_places;
            g->n_places += g->shapes[i].length;
        }
    }
    g->places = mem_zalloc(g->n_places * sizeof *g->places);
    for (size_t i = 0; i <= g->longest; i++)
        if (g->lengths[i].n_shapes > 0)
            set_order(g, &g->lengths[i]);
}

/* --- from shapes to the tables */

static uint64_t bit_of(const struct mapping_globs *g, const struct length *l, const struct shape *s)
{
    return 1ull << (uint32_t)(s - (g->shapes + l->first_shape)) / l->per_bit;
}

static void index_pattern(struct mapping_globs *g, const struct shape *s, size_t offset,
                          struct mapping_place *places)
{
    uint64_t bit = bit_of(g, &g->lengths[s->length], s);
    split(slice_str(pattern_at(g, offset)->text), places, s->length);
    for (uint32_t i = 0; i < s->n_literals; i++) {
        uint32_t place = g->literals[s->first_literal + i];
        places[place].hash = hash_of(places[place].text, s->length, place);
        struct mapping_entry *word = mapping_entries_find(&g->words, places[place].hash);
        if (word != NULL)
            word->value |= bit;
        else
            mapping_entries_insert(&g->words, places[place].hash,
                                   bit |
                                       g->places[g->lengths[s->length].first_place + place].stars);
    }
    mapping_entries_insert(&g->index, key_of(g, s, places), offset + 1);
}

static void mark_places(struct mapping_globs *g, const struct shape *s)
{
    const struct length *l = &g->lengths[s->length];
    struct slice rest = slice_str(s->text);
    for (uint32_t place = 0; rest.ptr != NULL; place++)
        if (mapping_glob_is_star(mapping_glob_component(&rest)))
            g->places[l->first_place + place].stars |= bit_of(g, l, s);
        else
            g->places[l->first_place + place].literals |= bit_of(g, l, s);
}

static void make_tables(struct mapping_globs *g)
{
    struct mapping_place *places = mem_alloc(g->longest * sizeof *places);
    for (size_t i = 0; i < g->n_shapes; i++)
        mark_places(g, &g->shapes[i]);
    for (size_t i = 0; i < g->n_shapes; i++) {
        size_t offset = g->shapes[i].first_pattern;
        for (uint32_t p = 0; p < g->shapes[i].n_patterns; p++) {
            index_pattern(g, &g->shapes[i], offset, places);
            offset += pattern_size(pattern_at(g, offset)->text);
        }
    }
    free(places);
}

struct mapping_globs *mapping_globs_new(struct mapping_glob *globs, size_t n, bool unordered)
{
    assert(n < MAPPING_GLOB_NONE);
    struct mapping_globs *g = mem_zalloc(sizeof *g);
    g->unordered = unordered;
    if (n > 0)
        qsort(globs, n, sizeof *globs, compare_globs);
    g->shapes = mem_alloc(n * sizeof *g->shapes);
    add_globs(g, globs, n);
    g->shapes = mem_realloc(g->shapes, (g->n_shapes + 1) * sizeof *g->shapes);
    add_lengths(g);
    make_tables(g);
    return g;
}

void mapping_globs_free(struct mapping_globs *g)
{
    if (g == NULL)
        return;
    buf_release(&g->patterns);
    free(g->shapes);
    free(g->lengths);
    free(g->literals);
    free(g->places);
    mapping_entries_release(&g->words);
    mapping_entries_release(&g->index);
    free(g);
}

size_t mapping_globs_longest(const struct mapping_globs *g)
{
    return g->longest;
}

size_t mapping_globs_memory(const struct mapping_globs *g)
{
    size_t n = sizeof *g + g->patterns.cap + g->n_shapes * sizeof *g->shapes +
               (g->longest + 1) * sizeof *g->lengths + g->n_literals * sizeof *g->literals +
               g->n_places * sizeof *g->places;
    return n + mapping_entries_memory(&g->words) + mapping_entries_memory(&g->index);
}

/* --- the search */

/* Two keys may be equal by chance. */
static bool is_match(const char *glob, const struct mapping_place *places)
{
    struct slice rest = slice_str(glob);
    for (; rest.ptr != NULL; places++) {
        struct slice component = mapping_glob_component(&rest);
        if (!mapping_glob_is_star(component) && !slice_eq(component, places->text))
            return false;
    }
    return true;
}

/* returns  NULL: none */
static const struct pattern *find_in_shape(const struct mapping_globs *g, const struct shape *s,
                                           const struct mapping_place *places)
{
    uint64_t key = key_of(g, s, places);
    const struct mapping_entry *e = mapping_entries_find(&g->index, key);
    for (; e != NULL; e = mapping_entries_next(&g->index, e))
        if (is_match(pattern_at(g, e->value - 1)->text, places))
            return pattern_at(g, e->value - 1);
    return NULL;
}

/* The bits of the shapes that may match. */
static uint64_t candidates(const struct mapping_globs *g, const struct length *l, size_t length,
                           struct mapping_place *places)
{
    uint64_t bits = l->bits;
    for (size_t i = 0; i < length && bits != 0; i++) {
        const struct place *place = &g->places[l->first_place + i];
        if ((bits & place->literals) == 0)
            continue; /* its hash is not needed either */
        places[i].hash = hash_of(places[i].text, length, i);
        const struct mapping_entry *word = mapping_entries_find(&g->words, places[i].hash);
        bits &= word != NULL ? word->value : place->stars;
    }
    return bits;
}

uint32_t mapping_globs_find(const struct mapping_globs *g, struct mapping_place *places,
                            struct slice name, unsigned class, const char **ret)
{
    size_t length = split(name, places, g->longest);
    if (length > g->longest || g->lengths[length].n_shapes == 0)
        return MAPPING_GLOB_NONE;
    const struct length *l = &g->lengths[length];
    uint32_t best = MAPPING_GLOB_NONE;
    for (uint64_t bits = candidates(g, l, length, places); bits != 0; bits &= bits - 1) {
        uint32_t from = (uint32_t)__builtin_ctzll(bits) * l->per_bit, to = from + l->per_bit;
        for (uint32_t i = from; i < to && i < l->n_shapes; i++) {
            const struct shape *s = &g->shapes[l->first_shape + i];
            if (best != MAPPING_GLOB_NONE && s->least >= best)
                return best;
            const struct pattern *p = find_in_shape(g, s, places);
            if (p == NULL || p->rule[class] >= best)
                continue;
            best = p->rule[class];
            *ret = p->text;
        }
    }
    return best;
}

size_t mapping_glob_captures(const char *glob, struct slice name, struct slice *captures)
{
    struct slice rest = slice_str(glob);
    size_t n = 0;
    captures[n++] = name;
    while (rest.ptr != NULL) {
        struct slice component = mapping_glob_component(&name);
        if (mapping_glob_is_star(mapping_glob_component(&rest)))
            captures[n++] = component;
    }
    return n;
}
