#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "client/commands/cluster_report.h"
#include "client/commands/cluster_verbs.h"
#include "client/sshconfig/quote.h"
#include "protocol/base/file.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 256U << 10U;

struct Options {
  std::string name, editor;
};

std::string editor_of(const Options& options) {
  if (!options.editor.empty()) {
    return options.editor;
  }
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') {
      return value;
    }
  }
  return "vi";
}

// An editor may have options of its own ("code --wait"), as git and crontab take it.
Result<void> run_editor(const std::string& editor, const fs::path& file) {
  const std::string line = editor + " " + sshconfig::shell_quote(file.string());
  const int status = std::system(line.c_str());  // NOLINT(cert-env33-c): it is the user's own
  if (status == -1) {
    return fail_errno("cannot start the editor '" + editor + "'");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(Code::kFailed, "the editor '" + editor +
                                   "' failed: nothing is changed (--editor, VISUAL or EDITOR "
                                   "choose another one)");
  }
  return {};
}

// Where the work stays when it cannot be taken.
Result<void> refused(const fs::path& draft, const Error& error) {
  return fail(error.code,
              error.message + "\nnothing is changed; what you wrote is in " + draft.string());
}

Result<void> take(const Context& context, const std::string& name, const fs::path& file,
                  const fs::path& draft) {
  const auto text = base::read_file(draft, kMaxFile);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  auto entry = templates::parse_cluster_entry(*text, draft.string());
  if (!entry) {
    return refused(draft, entry.error());
  }
  entry->name = name;
  if (auto free = check_not_in_use(context.paths, *entry); !free) {
    return refused(draft, free.error());
  }
  auto written = base::write_file_atomic(file, *text, 0600);
  return written ? written : refused(draft, written.error());
}

awaitable<Result<int>> edit(Context& context, const Options& options) {
  if (options.name == "local" || options.name == "docker") {
    co_return fail(Code::kUsage, options.name + " is built in: there is nothing to edit");
  }
  const fs::path file = templates::cluster_file(context.paths, options.name);
  const auto before = base::read_file(file, kMaxFile);
  if (!before) {
    co_return tl::make_unexpected(no_such_cluster(context.paths, options.name, before.error()));
  }
  // Not a name that is read as a cluster's.
  const fs::path draft = file.string() + ".edit";
  auto done = base::write_file_atomic(draft, *before, 0600);
  if (done) {
    done = run_editor(editor_of(options), draft);
  }
  std::error_code error;
  const auto after = base::read_file(draft, kMaxFile);
  if (!done || (after && *after == *before)) {
    fs::remove(draft, error);
    if (done) {
      note("nothing is changed");
    }
    co_return done ? Result<int>(0) : tl::make_unexpected(done.error());
  }
  done = take(context, options.name, file, draft);
  if (!done) {
    co_return tl::make_unexpected(done.error());
  }
  fs::remove(draft, error);
  note(options.name + " is changed (rdev cluster update " + options.name + " checks it)");
  co_return 0;
}

}  // namespace

void add_cluster_edit(CLI::App& cluster, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(cluster, "edit", "Edit what is known of one; what rdev cannot read is not taken",
               "rdev cluster edit pai --editor 'code --wait'");
  verb->add_option("NAME", o->name, "The cluster")->required();
  verb->add_option("--editor", o->editor, "By default VISUAL, EDITOR or vi");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return edit(context, *o); }; });
}

}  // namespace rdev::commands
