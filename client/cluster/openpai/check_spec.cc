#include <algorithm>
#include <string>
#include <string_view>

#include "client/cluster/openpai/render.h"
#include "client/ui/utf8.h"

namespace rdev::cluster::openpai {
namespace {

Result<void> check_possible(const JobSpec& spec) {
  const std::pair<bool, const char*> wanted[] = {
      {!spec.user.empty(), "another user (--user): its containers run as root; use su in `setup`"},
      {spec.privileged, "more privileges (privileged): leave it out"},
      {spec.read_only, "a read-only root (read_only): leave it out"},
      {!spec.mounts.empty(),
       "a path of the node (--mount): ask for a storage of the cluster by its name, --storage "
       "NAME"},
      {spec.publish.has_value(),
       "an address of your choice (--publish): the cluster gives out the ports, rdev finds them"},
      {!spec.entrypoint,
       "another way to start the image (--no-entrypoint): it never runs the image's ENTRYPOINT"},
      {!spec.ports.empty(),
       "ports of your choice: it gives out free numbers by label; ask in the template under "
       "resourcePerInstance: ports: {LABEL: 1}, or reach any port with `rdev forward`"},
      {spec.gpus && *spec.gpus < 0,
       "all GPUs of a node (--gpus all): ask for a number, as in --gpus 4"},
  };
  for (const auto& [asked, what] : wanted) {
    if (asked) {
      return fail(Code::kUsage, std::string("OpenPAI cannot give a job ") + what);
    }
  }
  return {};
}

// It is sent as JSON and ends up in the arguments of a process.
Result<void> check_text(std::string_view what, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    return fail(Code::kUsage, std::string(what) + " must not contain a NUL character");
  }
  if (ui::valid_utf8(text) != text) {
    return fail(Code::kUsage, std::string(what) + " must be UTF-8 text for OpenPAI");
  }
  return {};
}

bool is_shell_name(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), is_word);
}

Result<void> check_texts(const JobSpec& spec) {
  std::vector<std::pair<std::string_view, std::string_view>> texts = {
      {"the image", spec.image},
      {"the virtual cluster", spec.virtual_cluster},
      {"the kind of node", spec.sku},
      {"the job's name", spec.name},
      {"the owner", spec.owner}};
  for (const std::string& word : spec.command) {
    texts.emplace_back("the command", word);
  }
  for (const std::string& line : spec.setup) {
    texts.emplace_back("setup", line);
  }
  for (const std::string& storage : spec.storages) {
    texts.emplace_back("a storage's name", storage);
  }
  for (const auto& [name, value] : spec.env) {
    texts.emplace_back("the environment", name);
    texts.emplace_back("the environment", value);
  }
  for (const auto& [name, value] : spec.env) {
    if (!is_shell_name(name)) {
      return fail(Code::kUsage, "'" + name +
                                    "' is not a name that a shell can export (--env): "
                                    "write letters, digits and '_'");
    }
  }
  for (const auto& [what, text] : texts) {
    if (auto checked = check_text(what, text); !checked) {
      return checked;
    }
  }
  return {};
}

}  // namespace

Result<void> check_spec(const JobSpec& spec) {
  if (auto possible = check_possible(spec); !possible) {
    return possible;
  }
  if (!spec.document) {
    return fail(Code::kUsage, "OpenPAI needs a job document as template: --template FILE");
  }
  auto good = check_scheduling(spec);
  return good ? check_texts(spec) : good;
}

Result<void> check_scheduling(const JobSpec& spec) {
  if (spec.instances < 1) {
    return fail(Code::kUsage,
                "a job has at least one instance, not " + std::to_string(spec.instances));
  }
  if (!spec.priority.empty() && spec.priority != "prod" && spec.priority != "test" &&
      spec.priority != "oppo") {
    return fail(Code::kUsage,
                "the priority must be prod, test or oppo, not '" + spec.priority + "'");
  }
  for (const std::string& storage : spec.storages) {
    const std::size_t colon = storage.find(':');
    if (storage.empty() || colon == 0) {
      return fail(Code::kUsage, "a storage needs a name");
    }
    if (colon != std::string::npos && storage.substr(colon + 1, 1) != "/") {
      return fail(Code::kUsage, "--storage " + storage +
                                    ": what stands behind the name is where the "
                                    "job sees it, an absolute path");
    }
  }
  return {};
}

}  // namespace rdev::cluster::openpai
