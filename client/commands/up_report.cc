#include "client/commands/up_report.h"

#include <boost/json.hpp>
#include <ctime>

#include "client/sshconfig/entry.h"
#include "client/sshconfig/include_line.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

bool is_installed(const Context& context) {
  const auto line = sshconfig::include_line(context.paths);
  const auto file = sshconfig::user_config_file();
  // An unreadable ~/.ssh/config is no reason to fail: the user is then told of `ssh -F`.
  return line && file && sshconfig::is_installed(*file, *line).value_or(false);
}

const char* outcome_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::kStarted:
      return "started";
    case Outcome::kAlreadyRunning:
      return "already_running";
    case Outcome::kTakenOver:
      return "taken_over";
  }
  return "";
}

std::int64_t milliseconds(std::chrono::steady_clock::duration elapsed) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
}

std::string to_json(const Context& context, const UpReport& report,
                    const ui::Progress::Timings& timings) {
  json::object stages;
  for (const auto& [name, elapsed] : timings) {
    stages[name] = milliseconds(elapsed);
  }
  const state::JobRecord& record = report.record;
  const json::object object = {
      {"name", record.name},
      {"outcome", outcome_text(report.outcome)},
      {"cluster", record.cluster},
      {"host", sshconfig::host_alias(record.name)},
      {"user", record.user},
      {"endpoints", json::array(record.endpoints.begin(), record.endpoints.end())},
      {"host_public_key", record.host_public_key},
      {"instances", state::instances_of(record)},
      {"ssh_config", sshconfig::entry_file(context.paths, record.name).string()},
      {"ssh_config_installed", is_installed(context)},
      {"ends_unix_s", record.ends_unix_s},
      {"elapsed_ms", milliseconds(report.elapsed)},
      {"stages_ms", stages},
  };
  return json::serialize(object) + "\n";
}

std::string how_to_go_on(const Context& context, const UpReport& report) {
  const state::JobRecord& record = report.record;
  const std::string host = sshconfig::host_alias(record.name);
  std::string text = record.name;
  switch (report.outcome) {
    case Outcome::kStarted:
      text += " is up on " + record.cluster + " (" + ui::format_elapsed(report.elapsed) + ")";
      break;
    case Outcome::kAlreadyRunning:
      text += " is already running on " + record.cluster;
      break;
    case Outcome::kTakenOver:
      text += " was running on " + record.cluster + " and is taken over";
      break;
  }
  text += ".\n\n";
  if (is_installed(context)) {
    text += "  ssh " + host + "\n";
  } else {
    text += "  ssh -F '" + sshconfig::entry_file(context.paths, record.name).string() + "' " +
            host + "\n\n";
    text += "To say just `ssh " + host + "`, also in scp, rsync and editors, once:\n\n";
    text += "  rdev ssh-config --install\n";
  }
  if (const int instances = state::instances_of(record); instances > 1) {
    text += "\nIt has " + std::to_string(instances) + " instances: " + host + ".0 to " + host +
            "." + std::to_string(instances - 1) + " for ssh, " + record.name + ".RANK for rdev, " +
            "and all at once with\n\n  rdev exec --all " + record.name + " -- CMD\n";
  }
  text += "\nIt ends with `rdev down " + record.name + "`";
  if (record.ends_unix_s != 0) {
    const std::chrono::seconds left(record.ends_unix_s - std::time(nullptr));
    text += ", or by itself in " + ui::format_age(left);
  }
  return text + ".\n";
}

}  // namespace

Result<void> print_report(const Context& context, const UpReport& report,
                          const ui::Progress::Timings* timings) {
  return print(timings != nullptr ? to_json(context, report, *timings)
                                  : how_to_go_on(context, report));
}

}  // namespace rdev::commands
