#include "aggregate/limited.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

static const char others[] = "other";

const char *limited_word(enum limited_by by)
{
    static const char *const words[] = {
#define X(id, word) word,
        LIMITED_BY(X)
#undef X
    };
    assert(by < LIMITED_BY_COUNT);
    return words[by];
}

static void limited_check(const struct limited_list *l)
{
    assert(l->n <= LIMITED_TOP && (l->n == 0 || l->last < l->n));
}

/* As it is shown: whole characters, and ... where it is cut. */
static void shorten(struct slice who, char out[LIMITED_WHO_MAX + 1])
{
    static const char dots[] = "...";
    size_t n = who.len;
    if (n > LIMITED_WHO_MAX) {
        n = LIMITED_WHO_MAX - (sizeof dots - 1);
        while (n > 0 && ((unsigned char)who.ptr[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(out, who.ptr, n);
    if (n < who.len)
        memcpy(out + n, dots, sizeof dots);
    else
        out[n] = '\0';
}

static bool is_at(const struct limited_place *p, uint64_t hash, const char *who)
{
    return p->hash == hash && strcmp(p->who, who) == 0;
}

/* The place of `who`, one that it gets, or NULL: it counts with the others. */
static struct limited_place *place_of(struct limited_list *l, const char *who, uint32_t now_s)
{
    const uint64_t hash = hash64_bytes(who, strlen(who));
    unsigned oldest = 0;
    if (l->n > 0 && is_at(&l->at[l->last], hash, who))
        return &l->at[l->last];
    for (unsigned i = 0; i < l->n; i++) {
        if (is_at(&l->at[i], hash, who)) {
            l->last = i;
            return &l->at[i];
        }
        if (l->at[i].last_s < l->at[oldest].last_s)
            oldest = i;
    }
    const bool full = l->n == LIMITED_TOP;
    const unsigned at = full ? oldest : l->n++;
    struct limited_place *p = &l->at[at];
    if (full && now_s < (uint64_t)p->last_s + LIMITED_IDLE_S)
        return NULL;
    if (full)
        l->other += p->n;
    *p = (struct limited_place){ .hash = hash, .last_s = now_s };
    memcpy(p->who, who, strlen(who) + 1);
    l->last = at;
    return p;
}

void limited_add(struct limited *l, enum limited_by by, struct slice who, uint64_t n,
                 uint32_t now_s)
{
    struct limited_list *list = &l->by[by];
    char shown[LIMITED_WHO_MAX + 1];
    limited_check(list);
    shorten(who, shown);
    struct limited_place *p = strcmp(shown, others) == 0 ? NULL : place_of(list, shown, now_s);
    if (p == NULL) {
        list->other += n;
        return;
    }
    p->n += n;
    p->last_s = now_s > p->last_s ? now_s : p->last_s;
}

void limited_move(struct limited *to, struct limited *from)
{
    for (unsigned by = 0; by < LIMITED_BY_COUNT; by++) {
        struct limited_list *l = &from->by[by];
        for (unsigned i = 0; i < l->n; i++)
            limited_add(to, (enum limited_by)by, slice_str(l->at[i].who), l->at[i].n,
                        l->at[i].last_s);
        to->by[by].other += l->other;
        l->n = l->last = 0;
        l->other = 0;
    }
}

uint64_t limited_sum(const struct limited *l, enum limited_by by)
{
    const struct limited_list *list = &l->by[by];
    uint64_t sum = list->other;
    for (unsigned i = 0; i < list->n; i++)
        sum += list->at[i].n;
    return sum;
}

bool limited_tell(struct limited *l, enum limited_by by, const char **ret_who,
                  uint64_t *ret_samples)
{
    struct limited_list *list = &l->by[by];
    uint64_t sum = limited_sum(l, by), most = 0;
    if (sum == list->told)
        return false;
    *ret_samples = sum - list->told;
    *ret_who = others;
    list->told = sum;
    for (unsigned i = 0; i < list->n; i++) {
        struct limited_place *p = &list->at[i];
        if (p->n - p->told > most) {
            most = p->n - p->told;
            *ret_who = p->who;
        }
        p->told = p->n;
    }
    return true;
}

static void put(const struct limited *l, struct counter_lines *to)
{
    for (unsigned by = 0; by < LIMITED_BY_COUNT; by++) {
        const struct limited_list *list = &l->by[by];
        const char *word = limited_word((enum limited_by)by);
        for (unsigned i = 0; i < list->n; i++)
            counter_put(to, (const char *const[]){ word, list->at[i].who }, (double)list->at[i].n);
        counter_put(to, (const char *const[]){ word, others }, (double)list->other);
    }
}

static void read_limits(const void *of, size_t row, struct counter_lines *to)
{
    const struct limit_totals *t = of;
    if (row == LIMIT_COUNTER_ORIGINS)
        counter_put(to, NULL, t->on ? (double)t->origins : 0);
    else if (t->on)
        put(&t->limited, to);
}

const struct counter_table limit_counters = COUNTERS_TABLE(LIMIT_COUNTERS, read_limits);
