/*
 *   mapping_regex_new     mapping_re2_read (RE2's syntax into PCRE2's), then compile
 *   mapping_regex_find    pcre2_match within the limits of the scratch and steps_for the name
 */
#include "aggregate/mapping_regex.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "aggregate/mapping_re2.h"
#include "base/mem.h"

/*
 * PCRE2 limits the steps of a match that begins at one byte, and tries each byte of the name: a
 * search takes at most STEPS, as long as a byte's share is between the two limits.
 */
enum { STEPS = 4000000, STEPS_LEAST = 1000, STEPS_MOST = 100000 };
enum { JIT_STACK_LEAST = 32 * 1024, JIT_STACK_MOST = 512 * 1024 };
enum { HEAP_KIB = 1024, HEAP_MOST = HEAP_KIB * 1024 };

struct mapping_regex {
    pcre2_code *code;
    char *text; /* the names are slices of it */
    struct mapping_re2 re2;
};

struct mapping_regex_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack; /* NULL: no JIT */
    uint64_t limit_hits;
    unsigned divisor;
};

/* Only what re2 cannot know is wrong here: a script's name, or too large a pattern. */
static int compile(struct mapping_regex *re, bool fold, struct buf *why)
{
    int error;
    size_t at;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL)
        mem_exhausted(sizeof *re);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    const struct buf *pattern = &re->re2.pattern;
    re->code = pcre2_compile((PCRE2_SPTR)(pattern->ptr != NULL ? pattern->ptr : ""), pattern->len,
                             PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX |
                                 (fold ? PCRE2_CASELESS : 0),
                             &error, &at, context);
    pcre2_compile_context_free(context);
    if (re->code == NULL) {
        PCRE2_UCHAR text[160];
        pcre2_get_error_message(error, text, sizeof text);
        buf_append_str(why, (const char *)text);
        return -EINVAL;
    }
    /* Where there is no JIT the interpreter does it */
    pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
    return 0;
}

int mapping_regex_new(const char *text, bool fold, struct mapping_regex **ret, struct buf *why)
{
    struct mapping_regex *re = mem_zalloc(sizeof *re);
    re->text = mem_strdup(text);
    int rc = mapping_re2_read(re->text, &re->re2, why);
    if (rc == 0)
        rc = compile(re, fold, why);
    if (rc < 0) {
        mapping_regex_free(re);
        return rc;
    }
    *ret = re;
    return 0;
}

void mapping_regex_free(struct mapping_regex *re)
{
    if (re == NULL)
        return;
    pcre2_code_free(re->code);
    mapping_re2_release(&re->re2);
    free(re->text);
    free(re);
}

unsigned mapping_regex_groups(const struct mapping_regex *re)
{
    return re->re2.groups;
}

int32_t mapping_regex_group(const struct mapping_regex *re, struct slice name, size_t nth)
{
    for (size_t i = 0; i < re->re2.n_named; i++)
        if (slice_eq(re->re2.named[i].name, name) && nth-- == 0)
            return (int32_t)re->re2.named[i].number;
    return -1;
}

size_t mapping_regex_memory(const struct mapping_regex *re)
{
    size_t code = 0, jit = 0;
    pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &code);
    pcre2_pattern_info(re->code, PCRE2_INFO_JITSIZE, &jit);
    return sizeof *re + code + jit + strlen(re->text) + 1 + re->re2.pattern.cap +
           re->re2.cap_named * sizeof *re->re2.named;
}

struct mapping_regex_scratch *mapping_regex_scratch_new(unsigned groups, unsigned divisor)
{
    struct mapping_regex_scratch *s = mem_zalloc(sizeof *s);
    assert(divisor > 0);
    s->divisor = divisor;
    s->data = pcre2_match_data_create(groups + 1, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (s->data == NULL || s->context == NULL)
        mem_exhausted(sizeof *s);
    pcre2_set_depth_limit(s->context, STEPS_MOST);
    pcre2_set_heap_limit(s->context, HEAP_KIB);
    s->stack = pcre2_jit_stack_create(JIT_STACK_LEAST, JIT_STACK_MOST, NULL);
    if (s->stack != NULL)
        pcre2_jit_stack_assign(s->context, NULL, s->stack);
    return s;
}

void mapping_regex_scratch_free(struct mapping_regex_scratch *s)
{
    if (s == NULL)
        return;
    pcre2_jit_stack_free(s->stack);
    pcre2_match_context_free(s->context);
    pcre2_match_data_free(s->data);
    free(s);
}

uint64_t mapping_regex_limit_hits(const struct mapping_regex_scratch *s)
{
    return s->limit_hits;
}

size_t mapping_regex_scratch_memory(unsigned groups)
{
    return sizeof(struct mapping_regex_scratch) + ((size_t)groups + 1) * 2 * sizeof(size_t) +
           HEAP_MOST + JIT_STACK_MOST;
}

static uint32_t steps_for(size_t len, unsigned divisor)
{
    size_t steps = STEPS / divisor / (len + 1);
    steps = steps < STEPS_LEAST ? STEPS_LEAST : steps;
    return (uint32_t)(steps > STEPS_MOST ? STEPS_MOST : steps);
}

bool mapping_regex_find(const struct mapping_regex *re, struct mapping_regex_scratch *s,
                        struct slice name, struct slice *captures)
{
    const char *begin = name.ptr != NULL ? name.ptr : "";
    assert(re->re2.groups < pcre2_get_ovector_count(s->data)); /* a scratch for as many */
    pcre2_set_match_limit(s->context, steps_for(name.len, s->divisor));
    int rc = pcre2_match(re->code, (PCRE2_SPTR)begin, name.len, 0, PCRE2_NO_UTF_CHECK, s->data,
                         s->context);
    if (rc < 0) {
        s->limit_hits += rc != PCRE2_ERROR_NOMATCH;
        return false;
    }
    const size_t *at = pcre2_get_ovector_pointer(s->data);
    for (size_t i = 0; i <= re->re2.groups; i++)
        captures[i] = i < (size_t)rc && at[2 * i] != PCRE2_UNSET
                          ? slice_of(begin + at[2 * i], at[2 * i + 1] - at[2 * i])
                          : slice_of(NULL, 0);
    return true;
}
