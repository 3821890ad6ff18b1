#include <algorithm>
#include <filesystem>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/man_page.h"
#include "client/ui/suggest.h"
#include "protocol/base/file.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string command;
  std::string directory;
};

Result<void> write_page(const fs::path& directory, const std::string& name,
                        const std::string& page) {
  return base::write_file_atomic(directory / (name + ".1"), page, 0644);
}

Result<void> write_all(const fs::path& directory, const std::vector<CommandWords>& commands) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return fail_errno("cannot make " + directory.string(), error.value());
  }
  Result<void> written = write_page(directory, "rdev", man_page(commands));
  for (const CommandWords& command : commands) {
    if (written) {
      written = write_page(directory, "rdev-" + command.name, man_page(command));
    }
  }
  return written;
}

Result<void> print_one(const std::string& name, const std::vector<CommandWords>& commands) {
  if (name.empty()) {
    return print(man_page(commands));
  }
  const auto found =
      std::find_if(commands.begin(), commands.end(),
                   [&](const CommandWords& command) { return command.name == name; });
  if (found != commands.end()) {
    return print(man_page(*found));
  }
  std::vector<std::string_view> names;
  names.reserve(commands.size());
  for (const CommandWords& command : commands) {
    names.emplace_back(command.name);
  }
  return fail(Code::kUsage, "there is no command '" + name + "'" + ui::did_you_mean(name, names) +
                                " (rdev --help lists them)");
}

// Needs no paths: packages are built where there is no HOME.
int man(const Options& options) {
  const std::vector<CommandWords> commands = words_of_commands();
  const auto done = options.directory.empty() ? print_one(options.command, commands)
                                              : write_all(options.directory, commands);
  if (done) {
    return 0;
  }
  note(done.error().message);
  return done.error().code == Code::kUsage ? 2 : 1;
}

}  // namespace

Run setup_man(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  CLI::Option* command =
      app.add_option("COMMAND", o->command, "The command; without it, that of rdev itself");
  app.add_option("--dir", o->directory, "Write the pages of all commands into this directory")
      ->excludes(command);
  return [o] { return man(*o); };
}

}  // namespace rdev::commands
