#include "config/guess.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

#include "config/rivals.h"

enum { DISTANCE_TEXT_MAX = 48 };

static unsigned char lower(struct slice s, size_t i)
{
    return (unsigned char)tolower((unsigned char)s.ptr[i]);
}

/* Optimal string alignment (Damerau 1964): row i has the edits from the first i bytes of a to each
 * front of b; a step needs the two rows before it. */
size_t guess_distance(struct slice a, struct slice b, size_t limit)
{
    size_t rows[3][DISTANCE_TEXT_MAX + 1];
    size_t gap = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (gap > limit || a.len > DISTANCE_TEXT_MAX || b.len > DISTANCE_TEXT_MAX)
        return limit + 1;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = lower(a, i - 1) == lower(b, j - 1);
            size_t best = last[j - 1] + (same ? 0 : 1);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            bool swapped = i > 1 && j > 1 && lower(a, i - 1) == lower(b, j - 2) &&
                           lower(a, i - 2) == lower(b, j - 1);
            if (swapped && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    size_t d = rows[a.len % 3][b.len];
    assert(d >= gap && d <= (a.len > b.len ? a.len : b.len));
    return d <= limit ? d : limit + 1;
}

/* How many edits may be needed: a third of what was written, at most three. */
static size_t patience(struct slice s)
{
    size_t n = (s.len + 2) / 3;
    return n < 3 ? n : 3;
}

enum option_id guess_option(struct slice section, struct slice key)
{
    enum option_id best = OPTION_COUNT;
    size_t best_d = patience(key) + 1;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        struct slice s = slice_str(options_table[i].section), k = slice_str(options_table[i].key);
        size_t d = guess_distance(key, k, 3);
        /* A key that is wrong in another section, too, is two guesses at once. */
        if (!slice_eq(s, section))
            d += d == 0 ? 1 : 2;
        if (d < best_d) {
            best_d = d;
            best = (enum option_id)i;
        }
    }
    return best;
}

const char *guess_section(struct slice section)
{
    const char *best = NULL;
    size_t best_d = patience(section) + 1;
    const char *known;
    for (size_t i = 0; (known = options_section(i)) != NULL; i++) {
        size_t d = guess_distance(section, slice_str(known), 3);
        if (d < best_d) {
            best_d = d;
            best = known;
        }
    }
    return best;
}

/* name in lower case, each run of separators as one '_', without "STATSD_".
 * returns  in room; {NULL, 0}: longer than any option's */
static struct slice plain_name(struct slice name, char room[DISTANCE_TEXT_MAX])
{
    struct slice prefix = SLICE_LIT("statsd_");
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = lower(name, i);
        bool separator = strchr("_-.:/ ", c) != NULL;
        if (separator && (n == 0 || room[n - 1] == '_'))
            continue;
        if (n == DISTANCE_TEXT_MAX)
            return (struct slice){ NULL, 0 };
        room[n++] = separator ? '_' : (char)c;
    }
    struct slice plain = slice_of(room, n);
    return slice_starts(plain, prefix) ? slice_of(plain.ptr + prefix.len, plain.len - prefix.len)
                                       : plain;
}

enum option_id guess_name(struct slice name)
{
    char room[DISTANCE_TEXT_MAX];
    struct slice plain = plain_name(name, room);
    enum option_id best = OPTION_COUNT;
    size_t limit = plain.len < 6 ? 1 : 2, least = limit + 1;
    if (plain.len < 3)
        return OPTION_COUNT;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        char whole[OPTION_ENV_MAX];
        snprintf(whole, sizeof whole, "%s_%s", options_table[i].section, options_table[i].key);
        size_t d = guess_distance(plain, slice_str(whole), limit);
        size_t k = guess_distance(plain, slice_str(options_table[i].key), limit);
        d = k < d ? k : d;
        if (d < least) {
            least = d;
            best = (enum option_id)i;
        }
    }
    enum option_id rival = least == 0 ? OPTION_COUNT : rival_option(name);
    return rival != OPTION_COUNT ? rival : best;
}
