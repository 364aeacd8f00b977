#include "listen/allow.h"

static bool add(struct networks *to, struct slice value, struct buf *error)
{
    struct networks more;
    if (!networks_parse(value, &more, error))
        return false;
    if (more.n > NETWORKS_MAX - to->n) {
        buf_printf(error, "at most %d networks may be listed: join some to larger ones",
                   NETWORKS_MAX);
        return false;
    }
    memcpy(&to->at[to->n], more.at, more.n * sizeof more.at[0]);
    to->n += more.n;
    return true;
}

bool allow_set(struct listen_address *a, struct slice value)
{
    struct buf unused = { 0 };
    bool ok = add(&a->allow, value, &unused);
    buf_release(&unused);
    return ok;
}

void allow_say(const struct listen_address *a, struct slice value, struct buf *error)
{
    struct networks unused = a->allow;
    (void)add(&unused, value, error);
}

void allow_print(const struct listen_address *a, struct buf *out)
{
    networks_print(&a->allow, out);
}

bool allow_is_set(const struct listen_address *a)
{
    return a->allow.n > 0;
}
