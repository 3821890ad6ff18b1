#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/cluster/openpai/document.h"
#include "client/cluster/openpai/submission.h"
#include "client/commands/browser.h"
#include "client/commands/job.h"
#include "client/commands/queued_job.h"
#include "client/state/history.h"
#include "client/templates/strict_yaml.h"
#include "client/templates/yaml_text.h"
#include "protocol/base/file.h"
#include "protocol/ssh/keys.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
namespace openpai = cluster::openpai;

using templates::TypedYaml;

struct Options {
  JobChoice choice;  // of clone
  std::string file, secrets, cluster;
  openpai::Edits edits;
  bool preview = false;
  bool open = false;
  bool json = false;
};

Result<std::string> read_stdin() {
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0) {
      return fail_errno("cannot read stdin");
    }
    if (got == 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > templates::kMaxYamlBytes) {
      return fail(Code::kLimit, "what comes from stdin is too long for a job's document");
    }
  }
}

// "-" is stdin.
Result<TypedYaml> read_document(const std::string& file) {
  const auto text = file == "-" ? read_stdin() : base::read_file(file, templates::kMaxYamlBytes);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  return templates::parse_typed_yaml(*text, file == "-" ? "stdin" : file);
}

Result<openpai::Edits> edits_of(const Options& options) {
  openpai::Edits edits = options.edits;
  if (!options.secrets.empty()) {
    auto secrets = read_document(options.secrets);
    if (!secrets) {
      return tl::make_unexpected(secrets.error());
    }
    edits.secrets = *std::move(secrets);
  }
  return edits;
}

Result<int> report(const Queue& queue, const std::string& user, const std::string& name,
                   const Options& options) {
  const std::string url = job_page(queue, user, name);
  const std::string& cluster = queue.entry.name;
  const json::object object = {{"cluster", cluster}, {"user", user}, {"name", name}, {"url", url}};
  const auto printed =
      print(options.json ? json::serialize(object) + "\n"
                         : name + " is submitted to " + cluster + ".\n\n  rdev job status " + name +
                               " --cluster " + cluster + " --watch\n  rdev job logs " + name +
                               " --cluster " + cluster + " -f\n  " + url + "\n");
  const auto opened = printed && options.open ? open_in_browser(url) : printed;
  return opened ? Result<int>(0) : tl::make_unexpected(opened.error());
}

void remember(const Context& context, const Queue& queue, const char* command,
              const std::string& user, const openpai::Ready& job) {
  const auto added =
      state::add_to_history(context.paths, {.at_unix_s = std::time(nullptr),
                                            .command = command,
                                            .cluster = queue.entry.name,
                                            .name = job.name,
                                            .native = openpai::job_key(user, job.name),
                                            .options = {},
                                            .document = job.masked});
  if (!added) {
    note("it is not in the history: " + added.error().message);
  }
}

// Sends the document, or shows what would be sent.
awaitable<Result<int>> send(Context& context, Queue queue, TypedYaml document, openpai::Edits edits,
                            const Options& options) {
  if (edits.virtual_cluster.empty() && !document.value().is_null()) {
    const json::object* top = document.value().if_object();
    const bool has_one =
        top != nullptr && (top->contains("virtualCluster") || top->contains("defaults"));
    edits.virtual_cluster = has_one ? "" : queue.entry.virtual_cluster;
  }
  const auto ready = openpai::make_ready(document, edits);
  if (!ready) {
    co_return tl::make_unexpected(ready.error());
  }
  for (const std::string& sentence : ready->notes) {
    note(sentence);
  }
  if (options.preview) {
    const auto printed = print(options.json ? json::serialize(ready->masked) + "\n"
                                            : templates::to_yaml(ready->masked));
    co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
  }
  const auto user = co_await own_name(queue);
  if (!user) {
    co_return tl::make_unexpected(user.error());
  }
  openpai::Words words{.virtual_cluster = edits.virtual_cluster, .job = ready->name};
  const auto sent = co_await openpai::submit_whole(*queue.api, ready->body, std::move(words));
  if (!sent) {
    co_return tl::make_unexpected(sent.error());
  }
  remember(context, queue, options.choice.job.empty() ? "submit" : "clone", *user, *ready);
  co_return report(queue, *user, ready->name, options);
}

awaitable<Result<int>> submit(Context& context, const Options& options) {
  if (options.file == "-" && options.secrets == "-") {
    co_return fail(Code::kUsage, "stdin is one of FILE and --secrets, not both");
  }
  auto queue = find_queue(context, options.cluster);
  auto document = queue ? read_document(options.file) : tl::make_unexpected(queue.error());
  auto edits = document ? edits_of(options) : tl::make_unexpected(document.error());
  if (!edits) {
    co_return tl::make_unexpected(edits.error());
  }
  co_return co_await send(context, *std::move(queue), *std::move(document), *std::move(edits),
                          options);
}

std::string random_hex(std::size_t digits) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const ssh::Seed seed = ssh::random_seed();
  std::string text;
  for (std::size_t i = 0; i < digits; ++i) {
    text += kHex[static_cast<unsigned char>(seed[i]) % kHex.size()];
  }
  return text;
}

// "train_3f2a1b" of "train" and of "train_91c0de".
std::string next_name(const std::string& name) {
  constexpr std::size_t kDigits = 6;
  const std::size_t mark = name.rfind('_');
  const bool is_ours = mark != std::string::npos && name.size() - mark - 1 == kDigits &&
                       name.find_first_not_of("0123456789abcdef", mark + 1) == std::string::npos;
  return (is_ours ? name.substr(0, mark) : name) + "_" + random_hex(kDigits);
}

// As the server has it, or as the history does when that has forgotten the job.
awaitable<Result<json::value>> document_of(const Context& context, QueuedJob& job) {
  auto document = co_await job.queue.api->document(job.key);
  if (document || document.error().code != Code::kNotFound) {
    co_return document;
  }
  const auto history = state::read_history(context.paths);
  for (const state::Submission& one : history.value_or(std::vector<state::Submission>())) {
    if (one.cluster == job.queue.entry.name && one.native == job.key && one.document.is_object()) {
      note("the cluster has no " + job.title() + " any more: this is what was sent from here");
      co_return one.document;
    }
  }
  co_return document;
}

awaitable<Result<int>> clone(Context& context, const Options& options) {
  auto job = co_await find_queued_job(context, options.choice.cluster, options.choice.job);
  const auto value = job ? co_await document_of(context, *job) : tl::make_unexpected(job.error());
  if (!value) {
    co_return tl::make_unexpected(value.error());
  }
  auto document = templates::parse_typed_yaml(templates::to_yaml(*value), job->title());
  auto edits = document ? edits_of(options) : tl::make_unexpected(document.error());
  auto queue = options.cluster.empty() ? Result<Queue>(std::move(job->queue))
                                       : find_queue(context, options.cluster);
  if (!edits || !queue) {
    co_return tl::make_unexpected(edits ? queue.error() : edits.error());
  }
  if (edits->name.empty()) {
    edits->name = next_name(job->name);
  }
  co_return co_await send(context, *std::move(queue), *std::move(document), *std::move(edits),
                          options);
}

void add_edits(CLI::App& verb, Options& options) {
  verb.add_option("--set", options.edits.sets,
                  "PATH=VALUE over what is in it: taskRoles.main.instances=4, with its type kept; "
                  "null takes it out")
      ->allow_extra_args(false);
  verb.add_option("--name", options.edits.name, "Its name");
  verb.add_option("--vc", options.edits.virtual_cluster, "The virtual cluster whose share it uses");
  verb.add_option("--secrets", options.secrets, "A file with its secrets, NAME: VALUE; - is stdin");
  verb.add_flag("--preview", options.preview, "Print what would be sent, secrets masked");
  verb.add_flag("--open", options.open, "Open its page in the web portal");
  verb.add_flag("--json", options.json, "The result as JSON");
}

}  // namespace

void add_job_submit(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(
      job, "submit", "Submit a job's document: YAML or JSON, protocol version 2 or 1",
      "rdev job submit train.yaml --set name=train-43 --set defaults.virtualCluster=research");
  verb->add_option("FILE", o->file, "The document; - is stdin")->required();
  verb->add_option("--cluster", o->cluster, "Where to");
  add_edits(*verb, *o);
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return submit(context, *o); }; });
}

void add_job_clone(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(job, "clone", "Submit a job's document once more, under another name",
                            "rdev job clone train-42 --set taskRoles.main.instances=2");
  add_job_choice(*verb, o->choice);
  verb->add_option("--to", o->cluster, "The cluster to submit it to; by default the same");
  add_edits(*verb, *o);
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return clone(context, *o); }; });
}

}  // namespace rdev::commands
