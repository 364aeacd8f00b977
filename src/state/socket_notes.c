#include "state/socket_notes.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/pack.h"

enum { NOTES_MAX = 8192 }; /* more sockets than a server has */

/* returns  0: fd is no socket */
static uint64_t cookie_of(int fd)
{
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0 ? 0 : cookie;
}

static struct socket_note *add(struct socket_notes *notes)
{
    notes->at = mem_grow(notes->at, &notes->cap, notes->n + 1, sizeof *notes->at);
    return &notes->at[notes->n++];
}

void socket_notes_gather(struct socket_notes *notes, const struct listener *l, size_t n)
{
    socket_notes_release(notes);
    for (size_t i = 0; i < n; i++) {
        bool counts = transport_of(l[i].address.transport)->own_queue;
        for (unsigned k = 0; k < l[i].n; k++)
            *add(notes) = (struct socket_note){ .cookie = cookie_of(l[i].fds[k]),
                                                .drops = counts ? l[i].stats[k].socket_drops : 0,
                                                .file_dev = l[i].file_dev,
                                                .file_ino = l[i].file_ino };
    }
}

void socket_notes_release(struct socket_notes *notes)
{
    free(notes->at);
    *notes = (struct socket_notes){ 0 };
}

void socket_notes_save(const struct socket_notes *notes, uint8_t type, struct records_writer *to)
{
    for (size_t i = 0; i < notes->n; i++) {
        struct buf *out = records_add(to, type);
        pack_u64(out, notes->at[i].cookie);
        pack_u32(out, notes->at[i].drops);
        pack_u64(out, notes->at[i].file_dev);
        pack_u64(out, notes->at[i].file_ino);
        records_done(to);
    }
}

bool socket_notes_load(struct socket_notes *notes, struct slice body)
{
    struct unpack in = unpack_of(body);
    struct socket_note one = { .cookie = unpack_u64(&in) };
    one.drops = unpack_u32(&in);
    one.file_dev = unpack_u64(&in);
    one.file_ino = unpack_u64(&in);
    if (!unpack_done(&in) || notes->n >= NOTES_MAX)
        return false;
    *add(notes) = one;
    return true;
}

const struct socket_note *socket_notes_of(const struct socket_notes *notes, int fd)
{
    uint64_t cookie = cookie_of(fd);
    for (size_t i = 0; cookie != 0 && i < notes->n; i++)
        if (notes->at[i].cookie == cookie)
            return &notes->at[i];
    return NULL;
}
