#include "cmd/cli.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/server.h"
#include "base/hash.h"
#include "base/hash_pair.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/startup.h"

/* returns  the width of standard output, where that is a terminal, else 0.  The variable COLUMNS
 * goes before what the terminal itself says, as it does for ls. */
static unsigned terminal_columns(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet */
    const char *set = getenv("COLUMNS");
    struct winsize w;
    unsigned long n;
    if (!isatty(STDOUT_FILENO))
        return 0;
    if (set != NULL && (n = strtoul(set, NULL, 10)) > 0 && n < 10000)
        return (unsigned)n;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
}

/* From here on the log is what standard output has. */
static int run(const struct config *c, struct core_mapping *mapping,
               const struct config_source *src, bool takeover)
{
    log_to_fd(STDOUT_FILENO);
    return server_run(c, mapping, src, takeover);
}

int cli_main(int argc, char **argv)
{
    if (!startup())
        return CLI_FAILED;
    log_to_fd(STDERR_FILENO); /* what a command prints is its own */
    mem_reserve_keep();
    hash_seed_random(); /* before anything is hashed, and a mapping is */
    hash_pair_random();
    const struct cli_io io = { .in = stdin,
                               .out = stdout,
                               .err = stderr,
                               .environ = environ,
                               .columns = terminal_columns(),
                               .run = run };
    return cli_run(argc, (const char *const *)argv, &io);
}
