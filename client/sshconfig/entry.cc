#include "client/sshconfig/entry.h"

#include <system_error>

#include "client/sshconfig/quote.h"
#include "client/state/instance_name.h"
#include "protocol/base/file.h"

namespace rdev::sshconfig {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".conf";

// ssh takes all up to the line's end and hands it to a shell.
Result<std::string> proxy_command(const Entry& entry) {
  std::string command = "env";
  for (const auto& [name, value] : entry.variables) {
    command.append(" ").append(shell_quote(std::string(name).append("=").append(value)));
  }
  command += " " + shell_quote(entry.rdev.string()) + " proxy " + entry.name;
  if (command.find_first_of("\n\r") != std::string::npos) {
    return fail(Code::kUsage,
                "ssh's configuration has no way to name a path with a line end: " + command);
  }
  return escape_percent(command);
}

// Values of options that expand tokens.
Result<std::string> path_argument(const fs::path& path) {
  return quote_argument(escape_percent(path.string()));
}

// Whether a file of ssh.d is an entry of the job, or what an interrupted write of one left.
bool belongs_to(const std::string& file, const std::string& job_name) {
  const bool is_temporary = file.starts_with('.');
  const std::string text = is_temporary ? file.substr(1) : file;
  const std::size_t end = text.find(kSuffix);
  if (end == std::string::npos || (!is_temporary && end + kSuffix.size() != text.size())) {
    return false;
  }
  const auto name = state::parse_instance_name(text.substr(0, end));
  return name && name->job == job_name;
}

}  // namespace

Result<std::string> render(const Entry& entry) {
  const auto command = proxy_command(entry);
  const auto identity = path_argument(entry.identity);
  const auto known_hosts = path_argument(entry.known_hosts);
  for (const auto& part : {command, identity, known_hosts}) {
    if (!part) {
      return part;
    }
  }
  const std::string host = host_alias(entry.name);
  std::string text = "# Written by rdev for the job " + entry.name + "; rdev down removes it.\n";
  text += "Host " + host + (entry.is_first ? " " + host + ".0" : "") + "\n";
  text += "  HostName " + host + "\n";
  text += "  HostKeyAlias " + host + "\n";
  text += "  User " + entry.user + "\n";
  text += "  ProxyCommand " + *command + "\n";
  text += "  IdentityFile " + *identity + "\n";
  text += "  IdentitiesOnly yes\n";
  text += "  UserKnownHostsFile " + *known_hosts + "\n";
  text += "  GlobalKnownHostsFile none\n";
  text += "  StrictHostKeyChecking yes\n";
  text += "  UpdateHostKeys no\n";
  // A user's own `VerifyHostKeyDNS yes` under `Host *` would let a DNS record overrule the pin.
  text += "  VerifyHostKeyDNS no\n";
  return text;
}

std::string render_known_hosts(const Entry& entry) {
  const std::string host = host_alias(entry.name);
  return host + " " + entry.front_public_key + "\n" + host + " " + entry.host_public_key + "\n";
}

fs::path entry_file(const state::Paths& paths, const std::string& name) {
  return paths.state / "ssh.d" / (name + std::string(kSuffix));
}

Result<void> write_entry(const state::Paths& paths, const Entry& entry) {
  const auto text = render(entry);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  const fs::path file = entry_file(paths, entry.name);
  if (auto made = base::make_private_dir(file.parent_path()); !made) {
    return made;
  }
  if (auto written = base::write_file_atomic(entry.known_hosts, render_known_hosts(entry), 0600);
      !written) {
    return written;
  }
  return base::write_file_atomic(file, *text, 0600);
}

Result<void> remove_entry(const state::Paths& paths, const std::string& job_name) {
  const fs::path file = entry_file(paths, job_name);
  std::error_code error;
  fs::remove(file, error);
  if (error) {
    return fail_errno("cannot remove " + file.string(), error.value());
  }
  fs::directory_iterator it(file.parent_path(), error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (belongs_to(it->path().filename().string(), job_name)) {
      fs::remove(it->path(), error);
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno("cannot clean " + file.parent_path().string(), error.value());
  }
  return {};
}

}  // namespace rdev::sshconfig
