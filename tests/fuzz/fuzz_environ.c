/*
 * Any lines as the environment that a manager, or a stranger who may start us, gives: options
 * (STATSD_*), descriptors (LISTEN_*), where to tell of us (NOTIFY_SOCKET).  Whatever it says: a
 * config that holds, or mistakes in whole lines; descriptors that are open, or why not.  Then the
 * bytes as what the server before this one noted of its sockets.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/notify.h"
#include "config/config.h"
#include "state/socket_notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIABLES_MAX = 64, PID = 4711, FIRST = 900, OPEN = 3 };

static void check_printable(const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        assert((unsigned char)text->ptr[i] >= ' ' || text->ptr[i] == '\n');
}

static void read_options(char *const *variables)
{
    const struct config_source from = { .environ = variables };
    struct config c;
    struct buf errors = { 0 };
    if (config_load_text(&from, "fuzz.conf", slice_of("", 0), &c, &errors) == 0) {
        assert(errors.len == 0 && c.n_sockets > 0);
        config_release(&c);
    } else {
        assert(errors.len > 0 && errors.ptr[errors.len - 1] == '\n');
    }
    check_printable(&errors);
    buf_release(&errors);
}

static const char *value_of(char *const *variables, const char *name)
{
    size_t n = strlen(name);
    for (; *variables != NULL; variables++)
        if (strncmp(*variables, name, n) == 0 && (*variables)[n] == '=')
            return *variables + n + 1;
    return NULL;
}

static void open_some(void)
{
    for (int i = 0; i < OPEN; i++) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || dup2(fd, FIRST + i) < 0)
            abort();
        close(fd);
    }
}

static void read_descriptors(char *const *variables)
{
    const struct inherited_env e = { .pid = value_of(variables, "LISTEN_PID"),
                                     .fds = value_of(variables, "LISTEN_FDS"),
                                     .names = value_of(variables, "LISTEN_FDNAMES") };
    struct inherited list = { 0 };
    struct buf error = { 0 };
    open_some();
    if (inherited_read(&e, PID, FIRST, &list, &error) == 0) {
        assert(error.len == 0 && list.n <= OPEN);
        for (size_t i = 0; i < list.n; i++) {
            char what[INHERITED_WHAT_MAX];
            assert(list.at[i].fd >= FIRST && list.at[i].fd < FIRST + OPEN);
            assert(memchr(list.at[i].name, '\0', INHERITED_NAME_MAX) != NULL);
            inherited_what(list.at[i].fd, what);
        }
        for (size_t i = 0; i < list.n; i++) {
            int fd = inherited_take_named(&list, list.at[i].name);
            if (fd >= 0)
                close(fd);
        }
        inherited_release(&list);
    } else {
        assert(error.len > 0 && list.n == 0);
    }
    for (int i = 0; i < OPEN; i++)
        close(FIRST + i);
    buf_release(&error);
}

static void read_notify(char *const *variables)
{
    struct notify n;
    const char *where = value_of(variables, "NOTIFY_SOCKET");
    int rc = notify_open(&n, where);
    assert(rc == 0 || !notify_there(&n));
    assert(n.to_len <= sizeof n.to);
    (void)rc;
    notify_close(&n);
}

/* A record of 28 bytes for each note. */
static void read_notes(const uint8_t *data, size_t size)
{
    struct socket_notes notes = { 0 };
    while (size > 0) {
        size_t n = size < 28 ? size : 28;
        bool good = socket_notes_load(&notes, slice_of((const char *)data, n));
        assert(good == (n == 28));
        (void)good;
        data += n;
        size -= n;
    }
    (void)socket_notes_of(&notes, FIRST);
    socket_notes_release(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int nowhere = -1;
    char *variables[VARIABLES_MAX + 1], *text = mem_strndup((const char *)data, size), *rest = text;
    size_t n = 0;
    if (nowhere < 0)
        log_to_fd(nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC));
    for (char *line; n < VARIABLES_MAX && (line = strsep(&rest, "\n")) != NULL;)
        variables[n++] = line;
    variables[n] = NULL;
    read_options(variables);
    read_descriptors(variables);
    read_notify(variables);
    free(text);
    read_notes(data, size < 4096 ? size : 4096);
    return 0;
}
