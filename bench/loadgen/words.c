#include "words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mix.h"

static const char *const type_words[MIX_TYPE_COUNT] = {
    [MIX_COUNTER] = "counters",     [MIX_TIMING] = "timings (ms)",
    [MIX_GAUGE] = "gauges",         [MIX_SET] = "sets",
    [MIX_HISTOGRAM] = "histograms", [MIX_DISTRIBUTION] = "distributions",
};

void words_count(struct buf *out, double v)
{
    char digits[64];
    if (isnan(v)) {
        buf_append_str(out, "n/a");
        return;
    }
    if (fabs(v) >= 1e16) {
        buf_printf(out, "%g", v);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.0f", v);
    for (int i = 0; i < n; i++) {
        buf_append_char(out, digits[i]);
        if (digits[i] != '-' && i + 1 < n && (n - i - 1) % 3 == 0)
            buf_append_char(out, ',');
    }
}

const char *words_unit(const struct opts *o)
{
    if (o->framing == NULL)
        return "datagram";
    return strcmp(o->framing, "dsd") == 0 ? "frame" : "buffer";
}

static void rate(const struct opts *o, double per_s, struct buf *out)
{
    if (isinf(per_s))
        buf_append_str(out, "as many");
    else
        words_count(out, per_s);
    if (o->datagram_rate)
        buf_printf(out, " %ss", words_unit(o));
    else
        buf_append_str(out, " lines");
    buf_append_str(out, isinf(per_s) ? " as the sender can make" : "/s");
}

static void rates(const struct opts *o, const char *before, const char *between, struct buf *out)
{
    buf_append_str(out, before);
    words_count(out, o->rate);
    buf_append_str(out, between);
    rate(o, o->rate_to, out);
}

/* How much, and for how long. */
static void pace_words(const struct opts *o, struct buf *out)
{
    if (o->find_max) {
        buf_printf(out, "trials of %g s each, from ", o->trial_s);
        rate(o, o->rate, out);
        buf_append_str(out, " upwards");
        return;
    }
    if (strcmp(o->shape, "constant") == 0)
        rate(o, o->rate, out);
    else if (strcmp(o->shape, "ramp") == 0)
        rates(o, "from ", " to ", out);
    else if (strcmp(o->shape, "steps") == 0)
        rates(o, "from ", " in steps to ", out);
    else if (strcmp(o->shape, "spike") == 0)
        rates(o, "", " with a spike of ", out);
    else if (strcmp(o->shape, "sine") == 0)
        rates(o, "a wave between ", " and ", out);
    else
        buf_printf(out, "the rates of %s", o->shape);
    buf_printf(out, " for %g s", o->duration_s);
}

static void type_list(const struct opts *o, struct buf *out)
{
    struct mix m;
    if (mix_parse(slice_str(o->types), &m) < 0)
        return; /* main() has refused it before any load */
    const char *comma = "";
    for (int t = 0; t < MIX_TYPE_COUNT; t++) {
        if (m.weight[t] == 0)
            continue;
        buf_printf(out, "%s%.3g %% %s", comma, 100.0 * m.weight[t] / m.sum, type_words[t]);
        comma = ", ";
    }
}

void words_load(const struct opts *o, const char *indent, struct buf *out)
{
    pace_words(o, out);
    buf_printf(out, ", to %s:\n%s", o->to, indent);
    type_list(o, out);
    buf_append_str(out, "; ");
    words_count(out, o->series);
    buf_printf(out, " series, %u tags a line, ", o->tags);
    if (o->payload == 0) {
        buf_printf(out, "a %s for each line\n", words_unit(o));
        return;
    }
    buf_printf(out, "%ss of up to ", words_unit(o));
    words_count(out, o->payload);
    buf_append_str(out, " bytes\n");
}
