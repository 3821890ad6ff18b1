#include <pwd.h>
#include <unistd.h>

#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/sshconfig/entry.h"
#include "client/sshconfig/include_line.h"

namespace rdev::commands {
namespace {

struct Options {
  bool install = false;
  bool uninstall = false;
  bool print = false;
};

// ssh looks into the home directory of the passwd entry, whatever $HOME says.
void warn_if_ssh_looks_elsewhere(const std::filesystem::path& file) {
  const passwd* entry = ::getpwuid(::geteuid());
  if (entry == nullptr || entry->pw_dir == nullptr) {
    return;
  }
  const std::filesystem::path of_ssh = std::filesystem::path(entry->pw_dir) / ".ssh" / "config";
  if (of_ssh != file) {
    note("ssh itself reads " + of_ssh.string() + ", because it ignores HOME: use ssh -F '" +
         file.string() + "'");
  }
}

// The Include line and the entries of all jobs, to be read or pasted.
Result<void> print_all(const Context& context, const std::string& line) {
  std::string text = line + "\n";
  for (const std::string& name : state::list_instances(context.paths)) {
    const auto record = state::load(context.paths, name);
    if (!record) {
      return tl::make_unexpected(record.error());
    }
    const auto entry = ssh_entry(context, *record);
    const auto rendered = entry ? sshconfig::render(*entry) : tl::make_unexpected(entry.error());
    if (!rendered) {
      return tl::make_unexpected(rendered.error());
    }
    text += "\n" + *rendered;
  }
  return print(text);
}

Result<int> ssh_config(const Context& context, const Options& options) {
  if (options.install + options.uninstall + options.print != 1) {
    return fail(Code::kUsage, "give one of --install, --uninstall and --print");
  }
  const auto line = sshconfig::include_line(context.paths);
  const auto file = sshconfig::user_config_file();
  if (!line || !file) {
    return tl::make_unexpected(line ? file.error() : line.error());
  }
  if (options.print) {
    const auto printed = print_all(context, *line);
    return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
  }
  const auto changed =
      options.install ? sshconfig::install(*file, *line) : sshconfig::uninstall(*file, *line);
  if (!changed) {
    return tl::make_unexpected(changed.error());
  }
  const bool did = *changed == sshconfig::Change::kChanged;
  if (options.install) {
    note(did ? "added one Include line to " + file->string() + "; ssh rdev-NAME now works"
             : file->string() + " has the Include line already");
    warn_if_ssh_looks_elsewhere(*file);
  } else {
    note(did ? "removed the Include line from " + file->string()
             : file->string() + " has no Include line of ours");
  }
  return 0;
}

awaitable<Result<int>> run_ssh_config(Context& context, const Options& options) {
  co_return ssh_config(context, options);
}

}  // namespace

Run setup_ssh_config(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_flag("--install", o->install, "Add one Include line to ~/.ssh/config");
  app.add_flag("--uninstall", o->uninstall, "Remove it");
  app.add_flag("--print", o->print, "Print the line and the entries of all jobs; change nothing");
  return [o] { return run([o](Context& context) { return run_ssh_config(context, *o); }); };
}

}  // namespace rdev::commands
