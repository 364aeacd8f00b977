#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/socket_notes.h"

enum { BODY = 28 };

static int udp(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static void pack(const struct socket_note *one, char out[BODY])
{
    memcpy(out, &one->cookie, 8);
    memcpy(out + 8, &one->drops, 4);
    memcpy(out + 12, &one->file_dev, 8);
    memcpy(out + 20, &one->file_ino, 8);
}

static void a_socket_is_known_by_any_descriptor_of_it(void **unused)
{
    (void)unused;
    struct listener l = { .address.transport = LISTEN_UDP, .n = 2, .file_dev = 3, .file_ino = 4 };
    struct socket_notes old = { 0 }, new = { 0 };
    char body[BODY];
    for (unsigned i = 0; i < 2; i++) {
        l.fds[i] = udp();
        l.stats[i].socket_drops = 4000000000u + i;
    }
    socket_notes_gather(&old, &l, 1);
    socket_notes_gather(&old, &l, 1); /* a second takeover, after one that failed */
    assert_int_equal(old.n, 2);
    for (size_t i = 0; i < old.n; i++) {
        pack(&old.at[i], body);
        assert_true(socket_notes_load(&new, slice_of(body, BODY)));
    }
    for (unsigned i = 0; i < 2; i++) {
        int copy = fcntl(l.fds[i], F_DUPFD_CLOEXEC, 0);
        const struct socket_note *note = socket_notes_of(&new, copy);
        assert_non_null(note);
        assert_int_equal(note->drops, 4000000000u + i);
        assert_int_equal(note->file_dev, 3);
        assert_int_equal(note->file_ino, 4);
        close(copy);
    }
    int other = udp();
    assert_null(socket_notes_of(&new, other));
    assert_null(socket_notes_of(&new, -1));
    close(other);
    close(l.fds[0]);
    close(l.fds[1]);
    socket_notes_release(&old);
    socket_notes_release(&new);
}

static void what_no_save_has_written_is_refused(void **unused)
{
    (void)unused;
    struct socket_notes notes = { 0 };
    char body[BODY + 1] = { 1 };
    for (size_t n = 0; n <= BODY + 1; n++)
        assert_int_equal(socket_notes_load(&notes, slice_of(body, n)), n == BODY);
    while (socket_notes_load(&notes, slice_of(body, BODY))) {}
    assert_int_equal(notes.n, 8192); /* as many as a takeover hands on */
    socket_notes_release(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_is_known_by_any_descriptor_of_it),
        cmocka_unit_test(what_no_save_has_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
