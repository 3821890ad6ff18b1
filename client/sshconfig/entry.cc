#include "client/sshconfig/entry.h"

#include <system_error>

#include "client/sshconfig/quote.h"
#include "protocol/base/file.h"

namespace rdev::sshconfig {
namespace {

namespace fs = std::filesystem;

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

fs::path entry_file(const state::Paths& paths, const std::string& job_name) {
  return paths.state / "ssh.d" / (job_name + ".conf");
}

Result<void> write_entries(const state::Paths& paths, const std::vector<Entry>& entries) {
  const fs::path file = entry_file(paths, entries.front().name);
  std::string text;
  for (const Entry& entry : entries) {
    const auto one = render(entry);
    if (!one) {
      return tl::make_unexpected(one.error());
    }
    text += (text.empty() ? "" : "\n") + *one;
  }
  if (auto made = base::make_private_dir(file.parent_path()); !made) {
    return made;
  }
  for (const Entry& entry : entries) {
    if (auto written = base::write_file_atomic(entry.known_hosts, render_known_hosts(entry), 0600);
        !written) {
      return written;
    }
  }
  return base::write_file_atomic(file, text, 0600);
}

Result<void> remove_entry(const state::Paths& paths, const std::string& job_name) {
  const fs::path file = entry_file(paths, job_name);
  const std::string temporary = "." + file.filename().string() + ".";
  std::error_code error;
  fs::remove(file, error);
  if (error) {
    return fail_errno("cannot remove " + file.string(), error.value());
  }
  fs::directory_iterator it(file.parent_path(), error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->path().filename().string().starts_with(temporary)) {
      fs::remove(it->path(), error);
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno("cannot clean " + file.parent_path().string(), error.value());
  }
  return {};
}

}  // namespace rdev::sshconfig
