/* test_tls_credentials.c - what of a configuration makes credentials, and what is said of the rest.
 */
#include "tls_lab.h"

#include <string.h>
#include <time.h>

static struct lab_party authority, server, other;
static struct lab_pem certificate, key, locked_key, other_key, authorities;
static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

static void set_up(void)
{
    authority = lab_party_make(NULL, 10, NULL);
    server = lab_party_make("DNS:ns.test", 7, &authority);
    other = lab_party_make("DNS:other.test", 7, &authority);
    lab_certificate_pem(&certificate, &server);
    lab_certificate_pem(&authorities, &authority);
    lab_key_pem(&key, &server, NULL);
    lab_key_pem(&locked_key, &server, "password");
    lab_key_pem(&other_key, &other, NULL);
}

static void tear_down(void)
{
    lab_party_free(&authority);
    lab_party_free(&server);
    lab_party_free(&other);
}

static enum result make(const struct config_tls *tls, char problem[TLS_PROBLEM_OCTETS])
{
    struct tls_credentials *credentials;
    enum result result = tls_credentials_make(&credentials, tls, problem);

    ck_assert_int_eq(credentials != NULL, result == RESULT_OK);
    tls_credentials_free(credentials);
    return result;
}

START_TEST(takes_what_is_right)
{
    struct config_tls tls = lab_tls(&certificate, &key, &authorities);
    struct tls_credentials *credentials;
    char problem[TLS_PROBLEM_OCTETS] = "x";
    uint64_t in_a_week = (uint64_t)time(NULL) + 7 * LAB_DAY;

    lab_pem_join(&certificate, authorities.octets, authorities.length);
    tls.certificate_length = certificate.length;
    ck_assert_int_eq(tls_credentials_make(&credentials, &tls, problem), RESULT_OK);
    ck_assert_str_eq(problem, "");
    uint64_t end = tls_credentials_end(credentials);
    ck_assert(end > in_a_week - 600 && end < in_a_week + 600);
    tls_credentials_free(credentials);
}
END_TEST

static void no_certificate(struct config_tls *tls)
{
    tls->certificate = NULL;
    tls->certificate_length = 0;
}

static void cut_certificate(struct config_tls *tls)
{
    tls->certificate_length /= 2;
}

static void broken_chain(struct config_tls *tls)
{
    lab_pem_join(&certificate, broken, strlen(broken));
    tls->certificate_length = certificate.length;
}

static void long_chain(struct config_tls *tls)
{
    certificate = authorities;
    lab_certificate_pem(&certificate, &server);
    for (unsigned i = 0; i < 11; i++)
        lab_pem_join(&certificate, authorities.octets, authorities.length);
    tls->certificate_length = certificate.length;
}

static void no_key(struct config_tls *tls)
{
    tls->key = certificate.octets;
    tls->key_length = certificate.length;
}

static void key_with_password(struct config_tls *tls)
{
    tls->key = locked_key.octets;
    tls->key_length = locked_key.length;
}

static void key_of_another(struct config_tls *tls)
{
    tls->key = other_key.octets;
    tls->key_length = other_key.length;
}

static void empty_authorities(struct config_tls *tls)
{
    tls->client_ca_length = 0;
}

static void broken_authorities(struct config_tls *tls)
{
    lab_pem_join(&authorities, broken, strlen(broken));
    tls->client_ca_length = authorities.length;
}

static const struct {
    void (*spoil)(struct config_tls *tls);
    const char *said;
} wrongs[] = {
    {no_certificate, "the certificate is no certificate in PEM"},
    {cut_certificate, "the certificate is no certificate in PEM"},
    {broken_chain, "what stands behind the certificate"},
    {long_chain, "the chain behind the certificate cannot be used"},
    {no_key, "the key is no private key in PEM, or is encrypted"},
    {key_with_password, "the key is no private key in PEM, or is encrypted"},
    {key_of_another, "the key does not belong to the certificate"},
    {empty_authorities, "the authorities of clients are no certificates in PEM"},
    {broken_authorities, "the authorities of clients are no certificates in PEM"},
};

START_TEST(says_what_is_wrong)
{
    struct config_tls tls = lab_tls(&certificate, &key, &authorities);
    char problem[TLS_PROBLEM_OCTETS];

    wrongs[_i].spoil(&tls);
    ck_assert_int_eq(make(&tls, problem), RESULT_FORMAT);
    ck_assert_msg(strncmp(problem, wrongs[_i].said, strlen(wrongs[_i].said)) == 0, "%s", problem);
}
END_TEST

static void hear(void *context, const struct complaint *complaint)
{
    (void)complaint_text(complaint, context, TLS_PROBLEM_OCTETS);
}

START_TEST(nothing_is_wrong_without_tls)
{
    struct config_address address = {.family = 4};
    struct config_tls tls = {.listen = &address};
    char heard[TLS_PROBLEM_OCTETS] = "";
    struct complaints complaints = {.take = hear, .context = heard};

    ck_assert_int_eq(tls_credentials_check(&tls, "avow.yaml", &complaints), RESULT_OK);
    ck_assert_str_eq(heard, "");
    tls.listen_count = 1;
    ck_assert_int_eq(tls_credentials_check(&tls, "avow.yaml", &complaints), RESULT_FORMAT);
    ck_assert_ptr_nonnull(strstr(heard, "avow.yaml: error: server.tls: the certificate is no"));
    ck_assert_uint_eq(complaints.errors, 1);
}
END_TEST

/* When it begins and ends, in days from now. */
static const struct {
    int begin, end;
    const char *heard;
} times[] = {
    {-2, 1, ""},
    {-2, -1,
     "avow.yaml: warning: server.tls: the certificate has ended: clients that check it stay away"},
    {1, 2,
     "avow.yaml: warning: server.tls: the certificate is not valid yet: clients that check it stay "
     "away"},
};

START_TEST(warns_of_the_time)
{
    struct config_address address = {.family = 4};
    X509 *made = server.certificate;
    char heard[TLS_PROBLEM_OCTETS] = "";
    struct complaints complaints = {.take = hear, .context = heard};

    X509_gmtime_adj(X509_getm_notBefore(made), times[_i].begin * (long)LAB_DAY);
    X509_gmtime_adj(X509_getm_notAfter(made), times[_i].end * (long)LAB_DAY);
    ck_assert_int_gt(X509_sign(made, authority.key, EVP_sha256()), 0);
    lab_certificate_pem(&certificate, &server);
    struct config_tls tls = lab_tls(&certificate, &key, NULL);
    tls.listen = &address;
    tls.listen_count = 1;
    ck_assert_int_eq(tls_credentials_check(&tls, "avow.yaml", &complaints), RESULT_OK);
    ck_assert_str_eq(heard, times[_i].heard);
    ck_assert_uint_eq(complaints.warnings, *heard != '\0');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls/credentials");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, takes_what_is_right);
    tcase_add_loop_test(all, says_what_is_wrong, 0, COUNT(wrongs));
    tcase_add_test(all, nothing_is_wrong_without_tls);
    tcase_add_loop_test(all, warns_of_the_time, 0, COUNT(times));
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
