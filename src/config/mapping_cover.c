/**
 * Globs are put into a trie by component, in the order of the file: when a rule is looked up, the
 * trie has those before it.
 *
 *   mapping_cover_find
 *     cover_glob     with an order: the first declared rule that is as wide or wider, found by
 *                    walking the rule's own text, at each word down the word and down the *;
 *                    without: a rule with the same text, as a narrower one would win
 *     add_glob
 *     cover_regex    by earlier regexes
 *     cover_by_globs
 *
 * The walk branches at words only where an earlier rule has a * there, and leaves out what has no
 * rule earlier than the best so far.  It keeps its own stack: a glob has as many components as the
 * file's size allows.
 */
#include "config/mapping_cover.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/mapping_narrow.h"
#include "config/text_index.h"

static_assert(MAPPING_FILE_ANY == (1 << MAPPING_CLASSES) - 1, "a bit for each class");
static_assert(MAPPING_COVER_NONE == TEXT_INDEX_NONE, "none is none");

struct node {
    struct mapping_cover first; /* earliest rule that ends here, for each class */
    struct mapping_cover least; /* earliest rule that ends here or below */
};

struct step {
    uint32_t node;
    size_t component; /* the next one */
};

struct globs {
    struct text_index children; /* (node, component) -> node */
    struct node *nodes;         /* [0]: the root */
    size_t n_nodes, cap_nodes;
    struct slice *components; /* of the rule in hand */
    size_t n_components, cap_components;
    struct step *stack;
    size_t cap_stack;
};

static const struct mapping_cover nothing = { { MAPPING_COVER_NONE, MAPPING_COVER_NONE,
                                                MAPPING_COVER_NONE } };

static uint32_t new_node(struct globs *g)
{
    g->nodes = mem_grow(g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof *g->nodes);
    g->nodes[g->n_nodes] = (struct node){ nothing, nothing };
    return (uint32_t)g->n_nodes++;
}

static void take_components(struct globs *g, struct slice match)
{
    struct slice rest = match, one;
    g->n_components = 0;
    for (bool more = true; more;) {
        more = slice_cut(&rest, '.', &one);
        g->components =
            mem_grow(g->components, &g->cap_components, g->n_components + 1, sizeof *g->components);
        g->components[g->n_components++] = more ? one : rest;
    }
}

static void keep_first(struct mapping_cover *c, unsigned classes, uint32_t rule)
{
    for (unsigned k = 0; k < MAPPING_CLASSES; k++) {
        if ((classes >> k & 1) != 0 && c->by[k] == MAPPING_COVER_NONE)
            c->by[k] = rule;
    }
}

static void add_glob(struct globs *g, unsigned classes, uint32_t rule)
{
    uint32_t at = 0;
    keep_first(&g->nodes[0].least, classes, rule);
    for (size_t i = 0; i < g->n_components; i++) {
        uint32_t fresh = (uint32_t)g->n_nodes;
        uint32_t child = text_index_add(&g->children, at, g->components[i], fresh);
        if (child == fresh)
            new_node(g);
        at = child;
        keep_first(&g->nodes[at].least, classes, rule);
    }
    keep_first(&g->nodes[at].first, classes, rule);
}

static bool is_star(struct slice component)
{
    return slice_eq(component, SLICE_LIT("*"));
}

static void push(struct globs *g, size_t *n, uint32_t node, size_t component)
{
    if (node == TEXT_INDEX_NONE)
        return;
    g->stack = mem_grow(g->stack, &g->cap_stack, *n + 1, sizeof *g->stack);
    g->stack[(*n)++] = (struct step){ node, component };
}

static uint32_t cover_ordered(struct globs *g, unsigned class)
{
    uint32_t best = MAPPING_COVER_NONE;
    size_t n = 0;
    push(g, &n, 0, 0);
    while (n > 0) {
        struct step s = g->stack[--n];
        if (g->nodes[s.node].least.by[class] >= best)
            continue;
        if (s.component == g->n_components) {
            uint32_t rule = g->nodes[s.node].first.by[class];
            best = rule < best ? rule : best;
            continue;
        }
        struct slice c = g->components[s.component];
        if (!is_star(c))
            push(g, &n, text_index_find(&g->children, s.node, c), s.component + 1);
        push(g, &n, text_index_find(&g->children, s.node, SLICE_LIT("*")), s.component + 1);
    }
    return best;
}

static uint32_t cover_unordered(const struct globs *g, unsigned class)
{
    uint32_t at = 0;
    for (size_t i = 0; i < g->n_components && at != TEXT_INDEX_NONE; i++)
        at = text_index_find(&g->children, at, g->components[i]);
    return at != TEXT_INDEX_NONE ? g->nodes[at].first.by[class] : MAPPING_COVER_NONE;
}

static struct mapping_cover cover_glob(struct globs *g, const struct mapping_file *f, uint32_t rule)
{
    struct mapping_cover c = nothing;
    for (unsigned k = 0; k < MAPPING_CLASSES; k++) {
        if ((f->rules[rule].classes >> k & 1) != 0)
            c.by[k] = f->unordered ? cover_unordered(g, k) : cover_ordered(g, k);
    }
    return c;
}

bool mapping_cover_all(const char *regex)
{
    struct slice s = slice_str(regex);
    bool from_start = slice_starts(s, SLICE_LIT("^"));
    if (from_start)
        s = slice_of(s.ptr + 1, s.len - 1);
    bool to_end = slice_ends(s, SLICE_LIT("$"));
    s.len -= to_end;
    if (slice_starts(s, SLICE_LIT("(")) && slice_ends(s, SLICE_LIT(")")))
        s = slice_of(s.ptr + 1, s.len - 2);
    if (slice_eq(s, SLICE_LIT(".*")) || slice_eq(s, SLICE_LIT(".+")))
        return true;
    return !(from_start && to_end) && (s.len == 0 || slice_eq(s, SLICE_LIT(".")));
}

/* Earlier regexes: by text, and those that match everything. */
struct regexes {
    struct text_index texts[MAPPING_CLASSES];
    struct mapping_cover all;
};

static struct mapping_cover cover_regex(struct regexes *r, const struct mapping_file *f,
                                        uint32_t rule)
{
    const struct mapping_file_rule *own = &f->rules[rule];
    struct mapping_cover c = nothing;
    for (unsigned k = 0; k < MAPPING_CLASSES; k++) {
        if ((own->classes >> k & 1) == 0)
            continue;
        uint32_t same = text_index_add(&r->texts[k], 0, slice_str(own->match), rule);
        c.by[k] = same < rule ? same : MAPPING_COVER_NONE;
        if (r->all.by[k] < c.by[k])
            c.by[k] = r->all.by[k];
    }
    if (mapping_cover_all(own->match))
        keep_first(&r->all, own->classes, rule);
    return c;
}

/* All globs are in g: wherever they stand, they are tried before a regex. */
static void cover_by_globs(struct globs *g, const struct mapping_file_rule *regex,
                           struct mapping_cover *c)
{
    struct buf glob = { 0 };
    if (mapping_narrow_glob(slice_str(regex->match), &glob)) {
        take_components(g, buf_slice(&glob));
        for (unsigned k = 0; k < MAPPING_CLASSES; k++) {
            uint32_t by = (regex->classes >> k & 1) != 0 ? cover_ordered(g, k) : MAPPING_COVER_NONE;
            c->by[k] = by != MAPPING_COVER_NONE ? by : c->by[k];
        }
    }
    buf_release(&glob);
}

struct mapping_cover *mapping_cover_find(const struct mapping_file *f)
{
    struct mapping_cover *ret = mem_alloc(f->n_rules * sizeof *ret);
    struct globs g = { 0 };
    struct regexes r = { .all = nothing };
    new_node(&g);
    for (uint32_t i = 0; i < f->n_rules; i++) {
        if (f->rules[i].regex) {
            ret[i] = cover_regex(&r, f, i);
            continue;
        }
        take_components(&g, slice_str(f->rules[i].match));
        ret[i] = cover_glob(&g, f, i);
        add_glob(&g, f->rules[i].classes, i);
    }
    for (uint32_t i = 0; i < f->n_rules; i++) {
        if (f->rules[i].regex)
            cover_by_globs(&g, &f->rules[i], &ret[i]);
    }
    text_index_release(&g.children);
    free(g.nodes);
    free(g.components);
    free(g.stack);
    for (unsigned k = 0; k < MAPPING_CLASSES; k++)
        text_index_release(&r.texts[k]);
    return ret;
}

bool mapping_cover_hidden(const struct mapping_file_rule *rule, const struct mapping_cover *c)
{
    for (unsigned k = 0; k < MAPPING_CLASSES; k++) {
        if ((rule->classes >> k & 1) != 0 && c->by[k] == MAPPING_COVER_NONE)
            return false;
    }
    return true;
}
