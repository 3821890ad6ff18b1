#include <unistd.h>

#include <iostream>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/storage_copy.h"
#include "client/commands/storage_open.h"
#include "client/commands/storage_report.h"

namespace rdev::commands {
namespace {

using storage::Item;
using storage::Kind;

struct Options {
  std::string cluster, name, url;
  CopyOptions copy;
  bool recursive = false, yes = false, is_long = false, json = false;
};

Result<int> printed(const std::string& text) {
  const auto done = print(text);
  return done ? Result<int>(0) : tl::make_unexpected(done.error());
}

// The storage of a URL and what is at its path.
struct Opened {
  storage::Place place;
  std::unique_ptr<storage::Store> store;
};
awaitable<Result<Opened>> open_url(Context& context, std::string url) {
  const auto place = storage::parse_place(url);
  if (!place) {
    co_return tl::make_unexpected(place.error());
  }
  auto store = co_await open_store(context, *place);
  if (!store) {
    co_return tl::make_unexpected(store.error());
  }
  co_return Opened{.place = *place, .store = std::move(*store)};
}

awaitable<Result<int>> list(Context& context, const Options& options) {
  const auto cluster = storage_cluster(context.paths, options.cluster);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  const auto all = co_await find_storages(context, *cluster);
  if (!all) {
    co_return tl::make_unexpected(all.error());
  }
  co_return printed(options.json ? storages_json(*all) : storages_text(*all));
}

awaitable<Result<int>> show(Context& context, const Options& options) {
  const auto cluster = storage_cluster(context.paths, options.cluster);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  const auto found = co_await find_storage(context, *cluster, options.name);
  if (!found) {
    co_return tl::make_unexpected(found.error());
  }
  co_return printed(options.json ? storage_json(*found) : storage_text(*found));
}

awaitable<Result<int>> ls(Context& context, const Options& options) {
  auto opened = co_await open_url(context, options.url);
  const auto item = opened ? co_await opened->store->stat(opened->place.path)
                           : tl::make_unexpected(opened.error());
  if (!item) {
    co_return tl::make_unexpected(item.error());
  }
  storage::Listing listing{.items = {*item}};
  if (item->kind == Kind::kFolder) {
    auto all = co_await storage::list_all(*opened->store, opened->place.path);
    if (!all) {
      co_return tl::make_unexpected(all.error());
    }
    listing = std::move(*all);
  }
  if (listing.unfit > 0) {
    note(std::to_string(listing.unfit) + " are left out: links, or no name that a file can have");
  }
  co_return printed(
      options.json ? items_json(listing.items)
                   : items_text(listing.items, options.is_long ? Columns::kLong : Columns::kNames));
}

awaitable<Result<int>> stat(Context& context, const Options& options) {
  auto opened = co_await open_url(context, options.url);
  const auto item = opened ? co_await opened->store->stat(opened->place.path)
                           : tl::make_unexpected(opened.error());
  if (!item) {
    co_return tl::make_unexpected(item.error());
  }
  co_return printed(options.json ? item_json(*item) : item_text(*item));
}

awaitable<Result<int>> mkdir(Context& context, const Options& options) {
  auto opened = co_await open_url(context, options.url);
  const auto made = opened ? co_await opened->store->make_folder(opened->place.path)
                           : tl::make_unexpected(opened.error());
  co_return made ? Result<int>(0) : tl::make_unexpected(made.error());
}

// Whether the user, at a terminal, says yes.
Result<bool> is_agreed(const Options& options) {
  if (options.yes) {
    return true;
  }
  if (::isatty(0) == 0 || ::isatty(2) == 0) {
    return fail(Code::kUsage,
                "to remove a folder with all that is in it, without a terminal to ask "
                "at, give --yes");
  }
  std::fprintf(stderr, "Remove %s and all that is in it? [y/N] ", options.url.c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

awaitable<Result<void>> remove_folder(const Opened& opened, const Options& options) {
  if (!options.recursive) {
    co_return fail(Code::kUsage, options.url + " is a folder: give -r to remove all that is in it");
  }
  const auto agreed = is_agreed(options);
  if (!agreed) {
    co_return tl::make_unexpected(agreed.error());
  }
  if (!*agreed) {
    co_return fail(Code::kCancelled, "nothing is removed");
  }
  co_return co_await opened.store->remove_tree(opened.place.path);
}

awaitable<Result<int>> rm(Context& context, const Options& options) {
  auto opened = co_await open_url(context, options.url);
  const auto item = opened ? co_await opened->store->stat(opened->place.path)
                           : tl::make_unexpected(opened.error());
  if (!item) {
    co_return tl::make_unexpected(item.error());
  }
  const auto removed = item->kind == Kind::kFolder
                           ? co_await remove_folder(*opened, options)
                           : co_await opened->store->remove(opened->place.path);
  co_return removed ? Result<int>(0) : tl::make_unexpected(removed.error());
}

awaitable<Result<int>> cp(Context& context, const Options& options) {
  CopyOptions copy = options.copy;
  copy.recursive = options.recursive;
  copy.json = options.json;
  return copy_in_storage(context, std::move(copy));
}

CLI::App* action(CLI::App& app, const char* name, const char* summary, const char* example) {
  CLI::App* made = app.add_subcommand(name, summary);
  made->footer(std::string("Example:\n  ") + example);
  return made;
}

}  // namespace

Run setup_storage(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  using Action = awaitable<Result<int>> (*)(Context&, const Options&);
  auto chosen = std::make_shared<Action>();
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* summary, const char* example, Action run) {
    CLI::App* made = action(app, name, summary, example);
    made->callback([chosen, run] { *chosen = run; });
    made->add_flag("--json", o->json, "The result as JSON");
    return made;
  };
  const auto at = [&](CLI::App* made) {
    made->add_option("URL", o->url, "pai://CLUSTER/STORAGE/PATH")->required();
    return made;
  };
  const char* which = "The cluster (default: the selected one)";
  add("list", "List the storages that you may use", "rdev storage list --cluster pai", list)
      ->add_option("--cluster", o->cluster, which);
  CLI::App* showing = add("show", "Show one", "rdev storage show data", show);
  showing->add_option("NAME", o->name, "The storage")->required();
  showing->add_option("--cluster", o->cluster, which);
  at(add("ls", "List a folder", "rdev storage ls -l pai://pai/data/models", ls))
      ->add_flag("-l", o->is_long, "With sizes and times");
  at(add("stat", "Show a file or a folder", "rdev storage stat pai://pai/data/a.bin", stat));
  at(add("mkdir", "Make a folder, and those above it", "rdev storage mkdir pai://pai/data/new",
         mkdir));
  CLI::App* removing = at(add("rm", "Remove a file", "rdev storage rm pai://pai/data/a.bin", rm));
  removing->add_flag("-r", o->recursive, "A folder, with all that is in it");
  removing->add_flag("--yes", o->yes, "Do not ask");
  CLI::App* copying =
      add("cp", "Copy from or to this machine; the same again goes on where it was cut",
          "rdev storage cp -r data pai://pai/data/train", cp);
  copying->add_option("SRC", o->copy.from, "A path here, or pai://CLUSTER/STORAGE/PATH")
      ->required();
  copying->add_option("DST", o->copy.to, "The other; with a '/' at its end: into that folder")
      ->required();
  copying->add_flag("-r", o->recursive, "A folder: DST becomes the same");
  return
      [o, chosen] { return run([o, chosen](Context& context) { return (*chosen)(context, *o); }); };
}

}  // namespace rdev::commands
