/**
 * Any bytes as a mapping file: read into rules that hold what mapping_values.h promises, and looked
 * at for what is hardly meant, or refused with whole lines of printable text.  Then as a test file
 * of one.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "config/mapping_cases.h"
#include "config/mapping_file.h"
#include "config/mapping_lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct buf *errors, size_t most)
{
    size_t lines = 0;
    assert(errors->len == 0 || errors->ptr[errors->len - 1] == '\n');
    assert(utf8_valid(buf_slice(errors)));
    for (size_t i = 0; i < errors->len; i++) {
        assert((unsigned char)errors->ptr[i] >= ' ' || errors->ptr[i] == '\n');
        lines += errors->ptr[i] == '\n';
    }
    assert(lines <= most);
}

static void check_rising(const struct doubles *list)
{
    for (size_t i = 0; i < list->n; i++)
        assert(list->at[i] - list->at[i] == 0 && (i == 0 || list->at[i - 1] < list->at[i]));
}

static void check_options(const struct mapping_options *o)
{
    check_rising(&o->buckets);
    check_rising(&o->quantiles);
    assert(o->buckets.n <= OPTION_BUCKETS_MAX && o->quantiles.n <= OPTION_QUANTILES_MAX);
    assert(o->native_factor == 0 || o->native_factor > 1);
    assert(o->max_age_ms > 0 && o->age_buckets > 0 && o->scale - o->scale == 0);
}

static void check_rule(const struct mapping_file_rule *r)
{
    assert(r->match != NULL && (r->regex || r->match[0] != '\0'));
    assert(strpbrk(r->name, "-.: \n") == NULL && r->name[0] != '\0');
    assert(r->classes > 0 && r->classes <= MAPPING_FILE_ANY);
    assert(r->n_labels <= MAPPING_LABELS_MAX && r->line > 0);
    for (size_t i = 0; i < r->n_labels; i++) {
        assert(strncmp(r->labels[i].key, "__", 2) != 0 && r->labels[i].value != NULL);
        for (size_t k = 0; k < i; k++)
            assert(strcmp(r->labels[i].key, r->labels[k].key) != 0);
    }
    check_options(&r->options);
}

/* The same bytes as a test file of a mapping file. */
static void read_cases(struct slice text)
{
    struct mapping_cases c;
    struct buf errors = { 0 };
    if (mapping_cases_load_text("fuzz.yml", text, &c, &errors) == 0) {
        assert(errors.len == 0 && c.n > 0);
        for (size_t i = 0; i < c.n; i++)
            assert(c.cases[i].name != NULL && c.cases[i].lines != NULL && c.cases[i].line > 0 &&
                   (c.cases[i].expect != NULL || c.cases[i].absent != NULL));
        mapping_cases_release(&c);
    } else {
        assert(errors.len > 0);
        check_lines(&errors, MAPPING_MISTAKES_MAX + 1);
    }
    buf_release(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double bounds[] = { 1, 2 }, quantiles[] = { 0.5 };
    const struct mapping_options config = { .buckets = { bounds, 2 },
                                            .quantiles = { quantiles, 1 },
                                            .max_age_ms = 600000,
                                            .age_buckets = 5,
                                            .native_zero_threshold = -1,
                                            .scale = 1 };
    struct mapping_file f;
    struct buf errors = { 0 };
    int rc = mapping_file_load_text("fuzz.yml", slice_of((const char *)data, size), &config, NULL,
                                    &f, &errors);
    if (rc == 0) {
        assert(errors.len == 0);
        check_options(&f.defaults);
        for (size_t i = 0; i < f.n_rules; i++)
            check_rule(&f.rules[i]);
        mapping_lint(&f, &errors);
        check_lines(&errors, MAPPING_MISTAKES_MAX + 3);
        mapping_file_release(&f);
    } else {
        assert(errors.len > 0);
        check_lines(&errors, MAPPING_MISTAKES_MAX + 1);
    }
    buf_release(&errors);
    read_cases(slice_of((const char *)data, size));
    return 0;
}
