/* chart: lines over time as SVG. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"

enum { SIGN_WIDTH = 7 }; /* of a sign of the axis' font, rather more than less */

static const double spans[] = { 0.3, 1, 10, 59.95, 100, 86400, 864000 };

/* From where to where the text of an x axis label reaches; its anchor is in the class (see the
 * style of report_html.c). */
static void label_extent(const char *at, double *ret_from, double *ret_to)
{
    const char *x = strstr(at, " x=\""), *text = strchr(at, '>') + 1;
    double anchor = strtod(x + 4, NULL), width = SIGN_WIDTH * (double)(strchr(text, '<') - text);
    bool last = strncmp(at, "<text class=\"x last\"", 20) == 0;
    *ret_from = last ? anchor - width : anchor - width / 2;
    *ret_to = last ? anchor : anchor + width / 2;
}

static void no_label_of_the_time_axis_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        const double x[] = { 0, spans[i] }, y[] = { 1, 2 };
        const struct chart c = { "t", "u", x, 2, { { "l", y } }, 1 };
        struct buf svg = { 0 };
        int labels = 0;
        chart_svg(&c, &svg);
        buf_append_char(&svg, '\0');
        double width = strtod(strstr(svg.ptr, "viewBox=\"0 0 ") + 13, NULL);
        for (const char *at = svg.ptr; (at = strstr(at, "<text class=\"x")) != NULL;
             at++, labels++) {
            double from, to;
            label_extent(at, &from, &to);
            assert_true(from >= 0 && to <= width);
        }
        assert_int_equal(labels, 5);
        buf_release(&svg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_label_of_the_time_axis_is_cut),
    };
    return cmocka_run_group_tests_name("chart", tests, NULL, NULL);
}
