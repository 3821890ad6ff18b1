#include <memory>
#include <system_error>

#include "client/cluster/clusters.h"
#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/defaults.h"
#include "client/sshconfig/quote.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

using templates::DefaultKey;
using templates::DefaultsFile;
using templates::DefaultValues;

struct Options {
  std::vector<std::string> words;
  bool is_global = false;
};

// The file that `set` and `unset` write to; a project's may not be there yet.
Result<DefaultsFile> file_to_edit(const state::Paths& paths, bool is_global) {
  if (is_global) {
    return templates::load_user_defaults(paths, check_default);
  }
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (error) {
    return fail_errno("cannot find the working directory", error.value());
  }
  const auto path = templates::find_project_defaults(here);
  if (!path) {
    return tl::make_unexpected(path.error());
  }
  if (*path) {
    return templates::load_project_defaults(**path, check_default);
  }
  return DefaultsFile{
      .path = here / templates::kProjectDefaults, .is_project = true, .text = {}, .values = {}};
}

// Whether all that it says is its user's own word: it is trusted, or says nothing that needs trust.
Result<bool> is_own(const state::Paths& paths, const DefaultsFile& file) {
  const auto trust = state::trust_of(paths, file.path, file.text);
  if (!trust) {
    return tl::make_unexpected(trust.error());
  }
  return templates::keys_that_need_trust(file).empty() || *trust == state::Trust::kTrusted;
}

Result<void> edit(DefaultsFile& file, const std::string& key,
                  const std::optional<DefaultValues>& values) {
  auto text = templates::edit_defaults(file, key, values);
  auto edited = text ? templates::parse_defaults(*std::move(text), file.path, check_default)
                     : Result<DefaultsFile>(tl::make_unexpected(text.error()));
  if (!edited) {
    return tl::make_unexpected(edited.error());
  }
  edited->is_project = file.is_project;
  file = *std::move(edited);
  return {};
}

// What the user has set is trusted; what was there and was not stays untrusted.
Result<void> save(const state::Paths& paths, const DefaultsFile& before,
                  const DefaultsFile& after) {
  if (!after.is_project) {
    return templates::save_defaults(after, after.text);
  }
  const auto own = is_own(paths, before);
  if (!own) {
    return tl::make_unexpected(own.error());
  }
  if (auto saved = templates::save_defaults(after, after.text); !saved) {
    return saved;
  }
  if (*own) {
    return state::trust(paths, after.path, after.text);
  }
  note(after.path.string() + " is not trusted: read it, then rdev trust");
  return {};
}

// "image=debian:12"; "pip+=torch" adds to the list.
struct Assignment {
  const DefaultKey* key = nullptr;
  std::string value;
  bool adds = false;
};

Result<Assignment> parse_assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail(Code::kUsage, "'" + word + "': write KEY=VALUE, as in image=debian:12");
  }
  const bool adds = word[equals - 1] == '+';
  const auto key = templates::find_default_key(word.substr(0, equals - (adds ? 1 : 0)));
  if (!key) {
    return tl::make_unexpected(key.error());
  }
  if (adds && !(*key)->is_list) {
    return fail(Code::kUsage, std::string((*key)->name) + " is no list: write " +
                                  std::string((*key)->name) + "=" + word.substr(equals + 1));
  }
  return Assignment{.key = *key, .value = word.substr(equals + 1), .adds = adds};
}

// A path that was written from here, as the file has to say it.
std::string as_in_file(const DefaultKey& key, const std::string& value, const DefaultsFile& file) {
  std::error_code error;
  const fs::path absolute = value.empty() ? fs::path() : fs::absolute(value, error);
  if (error || absolute.empty() || !templates::is_path(key, value)) {
    return value;
  }
  return file.is_project && !fs::path(value).is_absolute()
             ? absolute.lexically_normal().lexically_relative(file.path.parent_path()).string()
             : absolute.lexically_normal().string();
}

Result<std::map<std::string, DefaultValues>> wanted_values(const DefaultsFile& file,
                                                           const std::vector<std::string>& words) {
  std::map<std::string, DefaultValues> wanted;
  for (const std::string& word : words) {
    const auto assignment = parse_assignment(word);
    if (!assignment) {
      return tl::make_unexpected(assignment.error());
    }
    const std::string name(assignment->key->name);
    const bool is_first = !wanted.contains(name);
    DefaultValues& values = wanted[name];
    if (!is_first && !assignment->key->is_list) {
      return fail(Code::kUsage, name + " is there twice");
    }
    if (is_first && assignment->adds && file.values.contains(name)) {
      values = file.values.at(name);
    }
    values.push_back(as_in_file(*assignment->key, assignment->value, file));
  }
  return wanted;
}

Result<void> check_wanted(const state::Paths& paths,
                          const std::map<std::string, DefaultValues>& wanted) {
  for (const auto& [name, values] : wanted) {
    if (auto good = check_default(**templates::find_default_key(name), values); !good) {
      return prefix(name, good.error());
    }
  }
  const auto cluster = wanted.find("cluster");
  return cluster == wanted.end() ? Result<void>()
                                 : cluster::Clusters::check_name(paths, cluster->second.front());
}

awaitable<Result<int>> set(Context& context, const Options& options) {
  const state::Paths& paths = context.paths;
  const auto file = file_to_edit(paths, options.is_global);
  const auto wanted =
      file ? wanted_values(*file, options.words) : tl::make_unexpected(file.error());
  auto done = wanted ? check_wanted(paths, *wanted) : tl::make_unexpected(wanted.error());
  if (!done) {
    co_return tl::make_unexpected(done.error());
  }
  DefaultsFile edited = *file;
  for (const auto& [name, values] : *wanted) {
    if (done = edit(edited, name, values); !done) {
      co_return tl::make_unexpected(done.error());
    }
  }
  if (done = save(paths, *file, edited); !done) {
    co_return tl::make_unexpected(done.error());
  }
  for (const auto& [name, values] : *wanted) {
    std::string text = name + " is";
    for (const std::string& value : values) {
      text += ' ';
      text += sshconfig::shell_quote(value);
    }
    text += " in ";
    note(text += file->path.string());
  }
  co_return 0;
}

awaitable<Result<int>> unset(Context& context, const Options& options) {
  const state::Paths& paths = context.paths;
  const auto file = file_to_edit(paths, options.is_global);
  if (!file) {
    co_return tl::make_unexpected(file.error());
  }
  DefaultsFile edited = *file;
  for (const std::string& word : options.words) {
    const auto key = templates::find_default_key(word);
    if (!key) {
      co_return tl::make_unexpected(key.error());
    }
    if (!edited.values.contains(word)) {
      co_return fail(Code::kNotFound, file->path.string() + " sets no " + word +
                                          " (rdev get says where it comes from)");
    }
    if (auto done = edit(edited, word, std::nullopt); !done) {
      co_return tl::make_unexpected(done.error());
    }
  }
  if (auto done = save(paths, *file, edited); !done) {
    co_return tl::make_unexpected(done.error());
  }
  co_return 0;
}

using Action = awaitable<Result<int>> (*)(Context&, const Options&);

Run setup(CLI::App& app, const char* words, const char* text, Action action) {
  auto o = std::make_shared<Options>();
  app.add_option(words, o->words, text)->required();
  app.add_flag("-g,--global", o->is_global, "For all directories: config.yaml of yours");
  return [o, action] { return run([o, action](Context& context) { return action(context, *o); }); };
}

}  // namespace

Run setup_set(CLI::App& app, const std::vector<std::string>&) {
  return setup(app, "KEY=VALUE",
               "What the option --KEY is where it is not given; lists: KEY=A KEY=B, KEY+=C", set);
}

Run setup_unset(CLI::App& app, const std::vector<std::string>&) {
  return setup(app, "KEY", "What has no default any more", unset);
}

}  // namespace rdev::commands
