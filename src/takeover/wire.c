#include "takeover/wire.h"

#include <assert.h>
#include <errno.h>

static const char MAGIC[4] = { 's', 't', 'k', 'o' };

struct head {
    char magic[4];
    uint16_t version, type;
    uint32_t length;
};
static_assert(sizeof(struct head) == 12, "the head is the same in every version");

/* ---- writing ---- */

static void put(struct buf *out, const void *number, size_t bytes)
{
    buf_append(out, number, bytes);
}

static struct slice cut(struct slice s)
{
    return slice_of(s.ptr, s.len < WIRE_TEXT_MAX ? s.len : WIRE_TEXT_MAX);
}

static void put_text(struct buf *out, struct slice s)
{
    uint8_t len = (uint8_t)s.len;
    assert(s.len <= WIRE_TEXT_MAX);
    put(out, &len, sizeof len);
    buf_append_slice(out, s);
}

static int put_texts(struct buf *out, const struct wire_message *m)
{
    uint16_t n = (uint16_t)m->n_texts;
    assert(m->n_texts <= WIRE_FDS_MAX);
    put(out, &n, sizeof n);
    for (size_t i = 0; i < m->n_texts; i++) {
        if (m->texts[i].len > WIRE_TEXT_MAX)
            return -EMSGSIZE;
        put_text(out, m->texts[i]);
    }
    return 0;
}

static int put_body(struct buf *out, const struct wire_message *m)
{
    uint8_t more = m->more;
    switch (m->type) {
    case WIRE_HELLO:
        put(out, &m->state_version, sizeof m->state_version);
        put_text(out, cut(m->text));
        return put_texts(out, m);
    case WIRE_FDS:
        put(out, &more, sizeof more);
        return put_texts(out, m);
    case WIRE_STREAM:
        if (m->text.len > WIRE_TEXT_MAX)
            return -EMSGSIZE;
        put_text(out, m->text);
        buf_append_slice(out, m->begun);
        return 0;
    case WIRE_STATE:
        put(out, &m->bytes, sizeof m->bytes);
        return 0;
    case WIRE_REFUSE:
        put_text(out, cut(m->text));
        return 0;
    case WIRE_PREPARED:
    case WIRE_TYPE_END:
        break;
    }
    return 0;
}

int wire_write(const struct wire_message *m, struct buf *out)
{
    const size_t at = out->len;
    struct head h = { .version = WIRE_VERSION, .type = (uint16_t)m->type };
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    buf_append(out, &h, sizeof h);
    int rc = put_body(out, m);
    h.length = (uint32_t)(out->len - at - sizeof h);
    if (rc < 0 || h.length > WIRE_BODY_MAX) {
        out->len = at;
        return -EMSGSIZE;
    }
    memcpy(out->ptr + at, &h, sizeof h);
    return 0;
}

/* ---- reading: what is left of the packet gets shorter ---- */

static bool take(struct slice *left, void *number, size_t bytes)
{
    if (left->len < bytes)
        return false;
    memcpy(number, left->ptr, bytes);
    *left = slice_of(left->ptr + bytes, left->len - bytes);
    return true;
}

static bool take_text(struct slice *left, struct slice *ret)
{
    uint8_t len;
    if (!take(left, &len, sizeof len) || left->len < len)
        return false;
    *ret = slice_of(left->ptr, len);
    *left = slice_of(left->ptr + len, left->len - len);
    return true;
}

static bool take_texts(struct slice *left, struct wire_message *m)
{
    uint16_t n;
    if (!take(left, &n, sizeof n) || n > WIRE_FDS_MAX)
        return false;
    for (m->n_texts = 0; m->n_texts < n; m->n_texts++)
        if (!take_text(left, &m->texts[m->n_texts]))
            return false;
    return true;
}

static bool take_body(struct slice *left, size_t n_fds, struct wire_message *m)
{
    uint8_t more;
    switch (m->type) {
    case WIRE_HELLO:
        return n_fds == 0 && take(left, &m->state_version, sizeof m->state_version) &&
               take_text(left, &m->text) && take_texts(left, m);
    case WIRE_FDS:
        if (!take(left, &more, sizeof more) || more > 1 || !take_texts(left, m))
            return false;
        m->more = more;
        return n_fds == m->n_texts && n_fds > 0;
    case WIRE_PREPARED:
        return n_fds == 0;
    case WIRE_STREAM:
        if (!take_text(left, &m->text))
            return false;
        m->begun = *left;
        left->len = 0;
        return n_fds == 1;
    case WIRE_STATE:
        return n_fds == 1 && take(left, &m->bytes, sizeof m->bytes);
    case WIRE_REFUSE:
        return n_fds == 0 && take_text(left, &m->text);
    case WIRE_TYPE_END:
        break;
    }
    return false;
}

int wire_read(struct slice packet, size_t n_fds, struct wire_message *ret)
{
    struct head h;
    struct wire_message m = { 0 };
    if (!take(&packet, &h, sizeof h) || memcmp(h.magic, MAGIC, sizeof MAGIC) != 0 ||
        h.length != packet.len || h.length > WIRE_BODY_MAX)
        return -EPROTO;
    if (h.version != WIRE_VERSION && h.type != WIRE_REFUSE)
        return -EPROTONOSUPPORT;
    if (h.type == 0 || h.type >= WIRE_TYPE_END)
        return -EPROTO;
    m.type = (enum wire_type)h.type;
    if (!take_body(&packet, n_fds, &m) || packet.len != 0)
        return -EPROTO;
    *ret = m;
    return 0;
}
