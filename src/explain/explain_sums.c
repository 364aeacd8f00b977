#include "explain/explain_sums.h"

struct explain_sums explain_sums_of(const struct explain_core *x)
{
    return (struct explain_sums){ .samples = json_array_size(x->samples) + x->left_out.samples,
                                  .events = json_array_size(x->events) + x->left_out.events,
                                  .checks = json_array_size(x->checks) + x->left_out.checks,
                                  .errors = x->n_errors + x->left_out.errors,
                                  .tag_errors = x->tag_errors,
                                  .unknown_fields = x->unknown_fields };
}

void explain_sums_add(struct explain_sums *to, const struct explain_sums *s)
{
    to->samples += s->samples;
    to->events += s->events;
    to->checks += s->checks;
    to->errors += s->errors;
    to->tag_errors += s->tag_errors;
    to->unknown_fields += s->unknown_fields;
}

const char *explain_sums_expect(const struct explain_sums *s)
{
    if (s->samples > 0)
        return "accept";
    if (s->events > 0)
        return "event";
    if (s->checks > 0)
        return "service_check";
    return s->errors > 0 ? "reject" : "ignore";
}
