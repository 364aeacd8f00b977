/*
 * Text to number as strtod has it, where the grammar lets the text through; and what is printed
 * reads back.
 */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_print(double v)
{
    char text[NUMBER_TEXT_MAX];
    double back;
    size_t n = number_print(text, v);
    assert(n > 0 && n <= sizeof text);
    assert(isfinite(v) ? number_parse(slice_of(text, n), &back) && memcmp(&back, &v, sizeof v) == 0
                       : !number_parse(slice_of(text, n), &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size + 1);
    double v = 0.5;
    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    exact[size] = '\0';
    bool ok = number_parse(slice_of(exact, size), &v);
    bool decimal = size > 0 && strspn(exact, "0123456789+-.eE") == size;
    char *end = exact;
    /* What begins with a digit, sign or point cannot be hex, inf or nan here */
    double want = decimal ? strtod(exact, &end) : 0;
    bool whole = decimal && end == exact + size && isfinite(want);
    assert(ok == whole);
    assert(ok ? memcmp(&v, &want, sizeof v) == 0 : v == 0.5);
    if (size >= sizeof v)
        memcpy(&v, data, sizeof v);
    check_print(v);
    free(exact);
    return 0;
}
