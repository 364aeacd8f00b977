#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void wire_open(struct wire *w, int fd)
{
    *w = (struct wire){ .fd = fd };
}

int wire_fill(struct wire *w)
{
    if (w->read > 0) {
        memmove(w->in.ptr, w->in.ptr + w->read, w->in.len - w->read);
        w->in.len -= w->read;
        w->read = 0;
    }
    if (w->in.len > WIRE_LINE_MAX)
        return -EMSGSIZE;
    ssize_t n = recv(w->fd, buf_reserve(&w->in, 4096), 4096, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    w->in.len += (size_t)n;
    return n == 0 ? -EPIPE : 0;
}

int wire_next(struct wire *w, json_t **ret)
{
    *ret = NULL;
    if (w->in.len == w->read) /* there may be no memory yet */
        return 0;
    struct slice rest = slice_of(w->in.ptr + w->read, w->in.len - w->read), line;
    if (!slice_cut(&rest, '\n', &line))
        return 0;
    w->read = w->in.len - rest.len;
    *ret = json_loadb(line.ptr, line.len, 0, NULL);
    if (json_is_object(*ret))
        return 0;
    json_decref(*ret);
    *ret = NULL;
    return -EPROTO;
}

int wire_put(struct wire *w, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (text == NULL)
        return -EINVAL;
    size_t len = strlen(text);
    text[len++] = '\n';
    ssize_t n = w->fd < 0 ? -1 : send(w->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    int rc = n == (ssize_t)len ? 0 : n >= 0 ? -EAGAIN : w->fd < 0 ? -EPIPE : -errno;
    free(text);
    return rc;
}

void wire_address(const char *text, uint16_t usual_port, char out[ADDRESS_TEXT_MAX])
{
    struct sockaddr_storage a;
    socklen_t len;
    if (address_parse(slice_str(text), usual_port, &a, &len) == 0)
        address_print((const struct sockaddr *)&a, out);
    else
        snprintf(out, ADDRESS_TEXT_MAX, "%s", text);
}

void wire_text(const json_t *o, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(o, name));
    size_t n = text != NULL ? strnlen(text, size - 1) : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[n] = '\0';
}

void wire_close(struct wire *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    w->read = 0;
    buf_release(&w->in);
}
