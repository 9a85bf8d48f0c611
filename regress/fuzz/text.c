/*
 * Small readers of text, one byte chooses which: resolv.conf, a log line of
 * the gossip process on its way through root, addresses and networks, names.
 */
#include <ctype.h>

#include "../../common/addr.h"
#include "../../common/check.h"
#include "../../common/logfwd.h"
#include "../../common/overlay.h"
#include "../../common/resolv.h"
#include "fuzz.h"

/* Nothing of what a terminal or a log would obey. */
static void
check_line(enum log_level level, const char *tag, const char *line)
{
	const char *s;

	must(level <= LOG_L_DEBUG && tag != NULL);
	must(strlen(line) <= LOGFWD_LINE + 8);
	for (s = line; *s != '\0'; s++)
		must(!iscntrl((unsigned char)*s) && *s != '\x7f');
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_sink(check_line);
	log_init(LOG_D_SINK, LOG_L_DEBUG, "fuzz", -1);
	return 0;
}

static void
check_resolv(const uint8_t *p, size_t len)
{
	struct ipaddr out[8];
	char *text = (char *)fz_copy(p, len);
	size_t i, n = resolv_parse(text, len, out, 8);

	must(n <= 8);
	for (i = 0; i < n; i++)
		must(out[i].len == 4 || out[i].len == 16);
	free(text);
}

/* In pieces as the first byte has it, with the clock going on. */
static void
check_log(struct fz *f)
{
	static struct logfwd l;
	size_t step = (size_t)fz_u8(f) + 1, n;
	const uint8_t *p;
	int64_t now = 0;
	char *piece;

	logfwd_init(&l, -1, 10, 20);
	while (f->len > 0) {
		p = fz_take(f, step, &n);
		piece = (char *)fz_copy(p, n);
		logfwd_bytes(&l, piece, n, now += 100);
		must(l.len <= sizeof(l.buf));
		free(piece);
	}
}

static void
check_addr(char *s)
{
	char text[IPNET_STRLEN], port[IPPORT_STRLEN];
	struct ipaddr a, b;
	struct ipnet net, again;
	struct ipport ep;
	struct sockaddr_storage ss;
	int n;

	if (ipaddr_parse(s, &a) == 0) {
		must(ipaddr_parse(ipaddr_str(&a, text), &b) == 0);
		must(ipaddr_eq(&a, &b) && ipaddr_cmp(&a, &b) == 0);
		ep = (struct ipport){a, 7946};
		must(ipport_from_sockaddr((struct sockaddr *)&ss,
			 ipport_to_sockaddr(&ep, &ss), &ep) == 0);
		must(ipaddr_eq(&ep.ip, &a) && ep.port == 7946);
		must(strlen(ipport_str(&ep, port)) < sizeof(port));
		if (check_endpoint(&ep))
			must(!ipaddr_is_any(&a) && !ipaddr_is_multicast(&a) &&
			     !ipaddr_is_loopback(&a) &&
			     !ipaddr_is_linklocal(&a));
	}
	if (ipnet_parse(s, &net) == 0) {
		must(net.bits <= net.ip.len * 8);
		must(ipnet_parse(ipnet_str(&net, text), &again) == 0);
		must(ipaddr_eq(&net.ip, &again.ip) && net.bits == again.bits);
		must(ipnet_contains(&net, &net.ip));
		overlay_addr(&net, "test1", 5, 0, &a);
		must(ipnet_contains(&net, &a));
		n = overlay_first(&net, "test1", 5, 0, &a);
		must(n == -1 || check_overlay_host(&net, &a));
		must(!check_overlay_host(&net, &a) || ipnet_contains(&net, &a));
	}
}

/* Behind the sentence are pairs to the end, and nothing in it looks like one. */
static void
check_pairs(enum log_level level, const char *tag, const char *line)
{
	const char *s = strstr(line, "; event=joined"), *eq;

	must(level == LOG_L_INFO && tag != NULL && s != NULL);
	must(strchr(line, '=') == s + strlen("; event"));
	for (s++; *s != '\0'; s++) {
		must(*s == ' ');
		must((eq = strchr(s, '=')) != NULL && eq - s < 8);
		s = eq + 1;
		if (*s != '"') {
			must(*s != '\0');
			s += strcspn(s, " ");
		} else {
			for (s++; *s != '"'; s++)
				must(*s != '\0' && *s != '=' &&
				     (*s != '\\' || *++s != '\0'));
			s++;
		}
		must(*s == '\0' || *s == ' ');
		s--;
	}
}

static void
check_names(const uint8_t *p, size_t len)
{
	char *exact = (char *)fz_copy(p, len), seen[64];
	size_t i;

	if (check_hostname(exact, len)) {
		must(len <= 253 && check_name(exact, len));
		for (i = 0; i < len; i++)
			must(isalnum((unsigned char)exact[i]) ||
			     strchr("-._", exact[i]) != NULL);
	}
	must(!check_name(exact, len) || (len >= 1 && len <= NAME_MAX_LEN));
	(void)log_vis(seen, sizeof(seen), exact, len);
	check_line(LOG_L_INFO, "", seen);
	free(exact);
	exact = fz_string(p, len);
	log_sink(check_pairs);
	log_info("%s joined\tevent=joined member=%s end=1", exact, exact);
	log_sink(check_line);
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	uint32_t n;
	char *s;

	switch (fz_u8(&f)) {
	case 'r':
		check_resolv(f.p, f.len);
		break;
	case 'l':
		check_log(&f);
		break;
	case 'n':
		check_names(f.p, f.len);
		break;
	default:
		s = fz_string(f.p, f.len);
		check_addr(s);
		(void)check_ifname(s);
		(void)log_level_parse(s);
		if (check_number(s, 3, 70000, &n))
			must(n >= 3 && n <= 70000);
		free(s);
	}
	return 0;
}
