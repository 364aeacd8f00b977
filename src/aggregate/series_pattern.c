#include "aggregate/series_pattern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/mapping_regex.h"
#include "base/glob.h"
#include "base/mem.h"
#include "base/utf8.h"

/* Of a mapping's steps for a name: so a search holds the control thread for 1 ms at most. */
enum { STEPS_DIVISOR = 16 };

/* What counts as one cheap look: bytes of a regex's text; of a glob's, times the pattern's. */
enum { REGEX_COUNTS = 8, REGEX_BYTES = 256, GLOB_BYTES = 16384 };

struct series_pattern {
    struct mapping_regex *regex; /* NULL: a glob */
    struct mapping_regex_scratch *scratch;
    struct slice *captures;
    size_t literal; /* bytes of the glob before the first wildcard */
    bool of_key;
    size_t len;
    char text[SERIES_PATTERN_MAX + 1];
};

static bool take_regex(struct series_pattern *p, struct buf *why)
{
    if (mapping_regex_new(p->text, false, &p->regex, why) < 0)
        return false;
    unsigned groups = mapping_regex_groups(p->regex);
    p->scratch = mapping_regex_scratch_new(groups, STEPS_DIVISOR);
    p->captures = mem_alloc((groups + 1) * sizeof *p->captures);
    return true;
}

struct series_pattern *series_pattern_new(struct slice text, bool regex, struct buf *why)
{
    if (text.len == 0 || text.len > SERIES_PATTERN_MAX) {
        buf_printf(why, "1 to %d bytes are allowed", (int)SERIES_PATTERN_MAX);
        return NULL;
    }
    if (memchr(text.ptr, '\0', text.len) != NULL || !utf8_valid(text)) {
        buf_append_str(why, "a pattern is UTF-8 text");
        return NULL;
    }
    struct series_pattern *p = mem_zalloc(sizeof *p);
    memcpy(p->text, text.ptr, text.len);
    p->len = text.len;
    p->literal = strcspn(p->text, "*?\\");
    p->of_key = regex || strchr(p->text, '|') != NULL;
    if (regex && !take_regex(p, why)) {
        series_pattern_free(p);
        return NULL;
    }
    return p;
}

void series_pattern_free(struct series_pattern *p)
{
    if (p == NULL)
        return;
    mapping_regex_free(p->regex);
    mapping_regex_scratch_free(p->scratch);
    free(p->captures);
    free(p);
}

bool series_pattern_wants_key(const struct series_pattern *p)
{
    return p->of_key;
}

bool series_pattern_is_regex(const struct series_pattern *p)
{
    return p->regex != NULL;
}

size_t series_pattern_counts(const struct series_pattern *p, size_t len)
{
    return p->regex != NULL ? REGEX_COUNTS + len / REGEX_BYTES : 1 + p->len * len / GLOB_BYTES;
}

uint64_t series_pattern_limit_hits(const struct series_pattern *p)
{
    return p->regex != NULL ? mapping_regex_limit_hits(p->scratch) : 0;
}

bool series_pattern_may(const struct series_pattern *p, struct slice name)
{
    if (p->regex != NULL)
        return true;
    size_t n = p->literal < name.len ? p->literal : name.len;
    return (n == p->literal || p->of_key) && memcmp(p->text, name.ptr, n) == 0;
}

bool series_pattern_matches(struct series_pattern *p, struct slice text)
{
    if (p->regex != NULL)
        return mapping_regex_find(p->regex, p->scratch, text, p->captures);
    return glob_match(slice_of(p->text, p->len), text);
}
