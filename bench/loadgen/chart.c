/*
 * chart_svg
 *   frame_of      which values lie at the edges
 *   draw_grid     lines and numbers of both axes
 *   draw_line     a path for each line of the chart; of more than POINTS_MAX points, some of them
 *   draw_tips     what the browser shows under the pointer
 */
#include "chart.h"

#include <assert.h>
#include <math.h>

enum {
    WIDTH = 640,
    HEIGHT = 200,
    LEFT = 56,
    RIGHT = 8,
    TOP = 8,
    BOTTOM = 22,
    GRID = 4,
    POINTS_MAX = 1200
};

struct frame {
    double x_from, x_to, y_to;
};

void chart_escape(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buf_append_str(out, "&amp;");
            break;
        case '<':
            buf_append_str(out, "&lt;");
            break;
        case '>':
            buf_append_str(out, "&gt;");
            break;
        case '"':
            buf_append_str(out, "&quot;");
            break;
        default:
            buf_append_char(out, *text);
        }
    }
}

double chart_round_up(double v)
{
    if (!(v > 0) || !isfinite(v))
        return 1;
    double power = pow(10, floor(log10(v)));
    static const double steps[] = { 1, 2, 5, 10 };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (v <= steps[i] * power * (1 + 1e-12))
            return steps[i] * power;
    return 10 * power;
}

static double x_at(const struct frame *f, double x)
{
    return LEFT + (x - f->x_from) / (f->x_to - f->x_from) * (WIDTH - LEFT - RIGHT);
}

static double y_at(const struct frame *f, double y)
{
    return HEIGHT - BOTTOM - y / f->y_to * (HEIGHT - TOP - BOTTOM);
}

static struct frame frame_of(const struct chart *c)
{
    double top = 0;
    for (size_t k = 0; k < c->n_lines; k++)
        for (size_t i = 0; i < c->n; i++)
            top = c->lines[k].y[i] > top && isfinite(c->lines[k].y[i]) ? c->lines[k].y[i] : top;
    struct frame f = { .x_from = 0,
                       .x_to = c->n > 0 ? c->x[c->n - 1] : 1,
                       .y_to = chart_round_up(top) };
    if (!(f.x_to > f.x_from))
        f.x_to = f.x_from + 1;
    return f;
}

/* 12k, 3.5M: at most four signs, for an axis. */
static void short_number(struct buf *out, double v)
{
    double a = fabs(v);
    if (a >= 1e9)
        buf_printf(out, "%.4gG", v / 1e9);
    else if (a >= 1e6)
        buf_printf(out, "%.4gM", v / 1e6);
    else if (a >= 1e3)
        buf_printf(out, "%.4gk", v / 1e3);
    else
        buf_printf(out, "%.4g", v);
}

static void draw_grid(const struct frame *f, struct buf *out)
{
    for (int i = 0; i <= GRID; i++) {
        double value = f->y_to * i / GRID, y = y_at(f, value);
        buf_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                   WIDTH - RIGHT, y, y);
        buf_printf(out, "<text class=\"y\" x=\"%d\" y=\"%.1f\">", LEFT - 6, y + 4);
        short_number(out, value);
        buf_append_str(out, "</text>");
    }
    for (int i = 0; i <= GRID; i++) {
        double value = f->x_from + (f->x_to - f->x_from) * i / GRID;
        buf_printf(out, "<text class=\"x%s\" x=\"%.1f\" y=\"%d\">%.4g s</text>",
                   i == GRID ? " last" : "", x_at(f, value), HEIGHT - 6, value);
    }
}

/* One path per line, a new start after each gap. */
static void draw_line(const struct chart *c, const struct frame *f, size_t k, struct buf *out)
{
    bool pen_up = true;
    size_t step = c->n / POINTS_MAX + 1;
    buf_printf(out, "<path class=\"line s%zu\" d=\"", k);
    for (size_t i = 0; i < c->n; i += step) {
        double y = c->lines[k].y[i];
        if (!isfinite(y)) {
            pen_up = true;
            continue;
        }
        buf_printf(out, "%c%.1f %.1f", pen_up ? 'M' : 'L', x_at(f, c->x[i]), y_at(f, y));
        if (pen_up)
            buf_append_str(out, "h0"); /* with round ends a point that stands alone is a dot */
        pen_up = false;
    }
    buf_append_str(out, "\"/>");
}

/* Invisible bars, one a second, whose title the browser shows under the pointer. */
static void draw_tips(const struct chart *c, const struct frame *f, struct buf *out)
{
    size_t step = c->n / POINTS_MAX + 1;
    for (size_t i = 0; i < c->n; i += step) {
        double from = x_at(f, i > 0 ? (c->x[i - 1] + c->x[i]) / 2 : f->x_from);
        double to = x_at(f, i + 1 < c->n ? (c->x[i] + c->x[i + 1]) / 2 : f->x_to);
        buf_printf(
            out,
            "<rect class=\"tip\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>%.1f s",
            from, TOP, fmax(to - from, 1), HEIGHT - TOP - BOTTOM, c->x[i]);
        for (size_t k = 0; k < c->n_lines; k++) {
            buf_append_char(out, '\n');
            chart_escape(out, c->lines[k].name);
            buf_append_str(out, ": ");
            if (isfinite(c->lines[k].y[i]))
                short_number(out, c->lines[k].y[i]);
            else
                buf_append_str(out, "not known");
        }
        buf_append_str(out, "</title></rect>");
    }
}

void chart_svg(const struct chart *c, struct buf *out)
{
    assert(c->n_lines <= CHART_LINES_MAX);
    struct frame f = frame_of(c);
    buf_append_str(out, "<figure><figcaption><b>");
    chart_escape(out, c->title);
    buf_append_str(out, "</b> <span>");
    chart_escape(out, c->unit);
    buf_append_str(out, "</span><span class=\"legend\">");
    for (size_t k = 0; k < c->n_lines; k++) {
        buf_printf(out, "<i class=\"s%zu\"></i>", k);
        chart_escape(out, c->lines[k].name);
    }
    buf_printf(out, "</span></figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
               WIDTH, HEIGHT);
    chart_escape(out, c->title);
    buf_append_str(out, "\">");
    draw_grid(&f, out);
    for (size_t k = 0; k < c->n_lines; k++)
        draw_line(c, &f, k, out);
    draw_tips(c, &f, out);
    buf_append_str(out, "</svg></figure>\n");
}
