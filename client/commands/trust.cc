#include <memory>
#include <system_error>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/defaults.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string where;
  bool revoke = false;
  bool list = false;
};

// The file that is named, or that of the directory.
Result<fs::path> file_of(const Options& options) {
  std::error_code error;
  const fs::path given = fs::absolute(options.where.empty() ? "." : options.where, error);
  if (error) {
    return fail_errno("cannot find the working directory", error.value());
  }
  fs::path path = given.lexically_normal();
  if (!fs::is_directory(path, error)) {
    return path;
  }
  const auto found = templates::find_project_defaults(
      path.has_filename() || !path.has_relative_path() ? path : path.parent_path());
  if (!found) {
    return tl::make_unexpected(found.error());
  }
  if (!*found) {
    return fail(Code::kNotFound, "there is no " + std::string(templates::kProjectDefaults) +
                                     " in " + path.string() + " or above");
  }
  return **found;
}

Result<int> print_list(const state::Paths& paths) {
  const auto files = state::trusted_files(paths);
  if (!files) {
    return tl::make_unexpected(files.error());
  }
  std::string text;
  for (const fs::path& file : *files) {
    text += file.string() + "\n";
  }
  const auto printed = print(text);
  return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

awaitable<Result<int>> trust(Context& context, const Options& options) {
  if (options.list) {
    co_return print_list(context.paths);
  }
  const auto path = file_of(options);
  if (!path) {
    co_return tl::make_unexpected(path.error());
  }
  if (options.revoke) {
    const auto revoked = state::distrust(context.paths, *path);
    if (!revoked) {
      co_return tl::make_unexpected(revoked.error());
    }
    note(path->string() + (*revoked ? " is not trusted any more" : " was not trusted"));
    co_return 0;
  }
  const auto file = templates::load_project_defaults(*path, check_default);
  auto done = file ? state::trust(context.paths, *path, file->text)
                   : Result<void>(tl::make_unexpected(file.error()));
  if (!done) {
    co_return tl::make_unexpected(done.error());
  }
  std::string chosen;
  for (const std::string_view key : templates::keys_that_need_trust(*file)) {
    chosen += chosen.empty() ? "" : ", ";
    chosen += key;
  }
  note(path->string() + " is trusted as it is now" +
       (chosen.empty() ? " (it chooses nothing that needs it)" : ": it chooses " + chosen));
  co_return 0;
}

}  // namespace

Run setup_trust(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("PATH", o->where, "The project's file, or a directory in it; by default this one");
  app.add_flag("--revoke", o->revoke, "Do not trust it any more");
  app.add_flag("--list", o->list, "Print the files that are trusted");
  return [o] { return run([o](Context& context) { return trust(context, *o); }); };
}

}  // namespace rdev::commands
