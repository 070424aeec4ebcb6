#include "config/manual.hpp"

#include "config/program_flags.hpp"
#include "config/reference.hpp"
#include "text/ascii.hpp"
#include "text/roff.hpp"

namespace sm {
namespace {

std::string head(const std::string& title, const std::string& section, const std::string& version,
                 const std::string& summary) {
  std::string upper;
  for (char c : title) upper += upper_case(c);
  return ".TH " + upper + " " + section + " \"\" \"sm " + version + "\" \"sm\"\n.SH NAME\n" +
         title + " \\- " + roff(summary) + "\n";
}

std::string paragraph(std::string_view text) { return ".PP\n" + roff(text) + "\n"; }

}  // namespace

std::string smd_manual(const std::string& version) {
  auto out = head("smd", "1", version, "run and supervise programs as services");
  out += ".SH SYNOPSIS\n.B smd\n[OPTION...]\n.SH DESCRIPTION\n" +
         roff(
             "smd runs the programs that its configuration file names, as services in processes of "
             "their own, keeps them alive, serves the management API that smctl(1) uses, and a job "
             "queue with schedules. It stays in the foreground and speaks sd_notify(3).") +
         "\n" +
         paragraph(
             "Services outlive it: the next smd on the same state folder adopts them with "
             "their pids.") +
         ".SH OPTIONS\n";
  for (auto& row : program_flags())
    out += roff_item(std::string(row.name) + (row.meta.empty() ? "" : " ") + std::string(row.meta),
                     row.doc);
  out += ".SH SIGNALS\n";
  for (auto& row : program_signals()) out += roff_item(row.names, row.doc);
  out += ".SH \"EXIT STATUS\"\n";
  out += roff_item("0", "it was told to stop, or to make way for the next one");
  out += roff_item("2", "the command line or a variable of the environment is wrong");
  out += roff_item("69", "something that it needs is not to be had, such as its HTTP address");
  out += roff_item("77", "the state folder is not its own");
  out += roff_item("78", "the configuration file has mistakes");
  out += ".SH ENVIRONMENT\n";
  out += roff_item("SM_CONFIG", "the configuration file, as --config");
  out += roff_item("SM_SECTION__KEY",
                   "a setting: SM_HTTP__BODY_MAX=4MiB; a flag wins over it, it "
                   "wins over the file");
  out += roff_item("STATE_DIRECTORY, XDG_STATE_HOME, HOME",
                   "where the state folder is, in this order; /var/lib/sm/smd for root");
  out += roff_item("NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS",
                   "as sd_notify(3), "
                   "sd_watchdog_enabled(3) and sd_listen_fds(3) have them");
  out += ".SH \"SEE ALSO\"\n.BR smctl (1),\n.BR smd.toml (5)\n";
  return out;
}

std::string configuration_manual(const std::string& version) {
  auto out = head("smd.toml", "5", version, "the configuration file of smd");
  out += ".SH DESCRIPTION\n" +
         roff(
             "A TOML file that says which services run, and with which settings. smd --check shows "
             "every mistake with its place, smctl plan what a change of the file would do, smctl "
             "apply does it.") +
         "\n" +
         paragraph(
             "Durations are texts: 1500ms, 2s, 5m, 1h. Sizes are whole numbers of bytes, or "
             "texts: 16MiB. ${NAME} is a variable of the environment, ${NAME:-TEXT} with a "
             "text for when it is not set; as a value of env, file:PATH is what that file "
             "holds. instances = \"cores\" is as many as there are processors.") +
         paragraph(
             "include = \"FOLDER\" (or a list of them) takes its *.toml into the same "
             "document.") +
         ".SH EXAMPLE\n.nf\n[service.web]\n"
         "command = [\"python3\", \"\\-m\", \"http.server\", \"808${SM_INSTANCE_NUMBER}\"]\n"
         "instances = 2\n.fi\n";
  out += configuration_in_roff();
  out += ".SH \"SEE ALSO\"\n.BR smd (1),\n.BR smctl (1)\n";
  return out;
}

}  // namespace sm
