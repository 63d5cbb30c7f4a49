/* test_zonefile_peers.c - does BIND's own reader see the same zone in the file and in what we
 * print? */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "zonefile_read.h"

/* Real zones lie beside the project on the machines where it is made; examples lie in it. */
static const struct {
    const char *path;
    const char *zone;
} rows[] = {
    {"zones/example.com.zone", "example.com."},
    {"zones/example.net.zone", "example.net."},
    {"zones/sub.example.com.zone", "sub.example.com."},
    {"zones/2.0.192.in-addr.arpa.zone", "2.0.192.in-addr.arpa."},
    {"../shared/zones/edu.zone", "edu."},
    {"../shared/zones/root-2020-09-09.zone", "."},
    {"../shared/zones/root-2020-09-10.zone", "."},
    {"../shared/zones/root-2020-09-12.zone", "."},
    {"../shared/zones/root-2020-09-13.zone", "."},
};

static int run(const char *format, ...) PRINTF_LIKE(1, 2);

static int run(const char *format, ...)
{
    char *command = NULL;
    va_list arguments;

    va_start(arguments, format);
    ck_assert_int_gt(vasprintf(&command, format, arguments), 0);
    va_end(arguments);
    int status = system(command); /* NOLINT(cert-env33-c): fixed words and paths of our own */
    free(command);
    return status;
}

/* The canonical lines of a zone as BIND reads it, sorted, into a file. */
static void compile(const char *zone, const char *path, const char *into)
{
    ck_assert_msg(run("named-compilezone -q -i none -k ignore -n ignore -m ignore -r ignore "
                      "-s full -o - %s %s | LC_ALL=C sort >%s",
                      zone, path, into) == 0,
                  "named-compilezone fails for %s", path);
}

struct printing {
    struct zone_printer printer;
    struct buffer text;
};

static enum result print(void *context, const struct zonefile_record *record)
{
    struct printing *printing = context;
    struct rrset rrset = {
        .owner = record->owner, .type = record->type, .class_ = record->class_, .ttl = record->ttl};

    zone_print_record(&printing->printer, &rrset, record->rdata, record->length, &printing->text);
    return buffer_check(&printing->text);
}

static void print_zone(const char *path, const char *zone, enum print_form form, const char *into)
{
    struct printing printing = {.text = {.octets = NULL}};
    struct reading reading;
    struct name name = reading_name(zone);

    zone_printer_init(&printing.printer, form);
    reading_run(&reading, (struct zonefile_options){
                              .path = path, .zone = &name, .record = print, .context = &printing});
    ck_assert_msg(reading.result == RESULT_OK, "%s: %s", path, reading_complaints(&reading));
    FILE *file = fopen(into, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(printing.text.octets, 1, printing.text.length, file),
                      printing.text.length);
    ck_assert_int_eq(fclose(file), 0);
    buffer_free(&printing.text);
    reading_free(&reading);
}

static void check_form(const char *folder, size_t row, enum print_form form)
{
    char ours[256], theirs[256], printed[256];

    snprintf(printed, sizeof printed, "%s/printed", folder);
    snprintf(ours, sizeof ours, "%s/ours", folder);
    snprintf(theirs, sizeof theirs, "%s/theirs", folder);
    compile(rows[row].zone, rows[row].path, theirs);
    print_zone(rows[row].path, rows[row].zone, form, printed);
    compile(rows[row].zone, printed, ours);
    ck_assert_msg(run("test -s %s && cmp %s %s", ours, ours, theirs) == 0,
                  "%s: BIND reads another zone in what was printed", rows[row].path);
}

START_TEST(prints_what_a_peer_reads)
{
    if (access(rows[_i].path, R_OK)) {
        printf("skipped: %s is not here\n", rows[_i].path);
        return;
    }
    if (run("command -v named-compilezone >/dev/null")) {
        printf("skipped: named-compilezone is not installed\n");
        return;
    }
    char *folder = folder_make();
    check_form(folder, (size_t)_i, PRINT_PLAIN);
    check_form(folder, (size_t)_i, PRINT_COLUMNS);
    folder_remove(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zonefile/peers");
    TCase *peers = tcase_create("peers");

    tcase_set_timeout(peers, 120);
    tcase_add_loop_test(peers, prints_what_a_peer_reads, 0, COUNT(rows));
    suite_add_tcase(suite, peers);
    return run_suite(suite);
}
