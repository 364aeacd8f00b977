#include "app/cli.h"
#include "app/server.h"

#include <unistd.h>

int cli_main(int argc, char **argv)
{
    const struct cli_io io = { .in = stdin, .out = stdout, .err = stderr, .environ = environ, .run = server_run };
    return cli_run(argc, (const char *const *)argv, &io);
}
