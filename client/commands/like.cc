#include "client/commands/like.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "client/sshconfig/quote.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

using Texts = std::vector<std::string>;

constexpr std::array<std::pair<std::string_view, std::string UpOptions::*>, 14> kTexts = {{
    {"cluster", &UpOptions::cluster},
    {"image", &UpOptions::image},
    {"template", &UpOptions::job_template},
    {"user", &UpOptions::user},
    {"ttl", &UpOptions::ttl},
    {"publish", &UpOptions::publish},
    {"gpus", &UpOptions::gpus},
    {"memory", &UpOptions::memory},
    {"shm", &UpOptions::shm},
    {"vc", &UpOptions::virtual_cluster},
    {"priority", &UpOptions::priority},
    {"sku", &UpOptions::sku},
    {"inject", &UpOptions::inject},
    {"attach-timeout", &UpOptions::attach_timeout},
}};
constexpr std::array<std::pair<std::string_view, Texts UpOptions::*>, 4> kLists = {{
    {"env", &UpOptions::env},
    {"mount", &UpOptions::mounts},
    {"storage", &UpOptions::storages},
    {"setup", &UpOptions::setup},
}};
constexpr std::array<std::pair<std::string_view, bool UpOptions::*>, 2> kFlags = {{
    {"no-entrypoint", &UpOptions::no_entrypoint},
    {"exit-with-command", &UpOptions::exit_with_command},
}};

json::array as_array(const Texts& texts) { return json::array(texts.begin(), texts.end()); }

Texts texts_of(const json::value& value) {
  Texts texts;
  if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) {
      if (item.is_string()) {
        texts.emplace_back(item.get_string());
      }
    }
  }
  return texts;
}

std::string word(const json::value& value) {
  const std::string text =
      value.is_string() ? std::string(value.get_string()) : json::serialize(value);
  const bool is_plain = !text.empty() && text.find_first_not_of(
                                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789-_./:=,+@%") == std::string::npos;
  return is_plain ? text : sshconfig::shell_quote(text);
}

template <class T>
Result<void> read_number(const std::string& text, std::optional<T>& target) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) {
    return fail(Code::kUsage, "must be a number, not '" + text + "'");
  }
  target = number;
  return {};
}

}  // namespace

json::object options_json(const UpOptions& options) {
  json::object object;
  for (const auto& [name, member] : kTexts) {
    if (!(options.*member).empty()) {
      object[name] = options.*member;
    }
  }
  for (const auto& [name, member] : kLists) {
    if (!(options.*member).empty()) {
      object[name] = as_array(options.*member);
    }
  }
  for (const auto& [name, member] : kFlags) {
    if (options.*member) {
      object[name] = true;
    }
  }
  if (options.cpus) {
    object["cpus"] = *options.cpus;
  }
  if (options.instances) {
    object["instances"] = *options.instances;
  }
  if (!options.command.empty()) {
    object["command"] = as_array(options.command);
  }
  return object;
}

UpOptions options_from_json(const json::object& object) {
  UpOptions options;
  for (const auto& [key, value] : object) {
    const std::string_view name = key;
    for (const auto& [known, member] : kTexts) {
      if (name == known && value.is_string()) {
        options.*member = std::string(value.get_string());
      }
    }
    for (const auto& [known, member] : kLists) {
      if (name == known) {
        options.*member = texts_of(value);
      }
    }
    for (const auto& [known, member] : kFlags) {
      if (name == known && value.is_bool()) {
        options.*member = value.get_bool();
      }
    }
    if (name == "cpus" && value.is_number()) {
      options.cpus = value.to_number<double>();
    } else if (name == "instances" && value.is_int64()) {
      options.instances = static_cast<int>(value.get_int64());
    } else if (name == "command") {
      options.command = texts_of(value);
    }
  }
  return options;
}

Result<void> set_option(UpOptions& options, std::string_view name, const Texts& values) {
  for (const auto& [known, member] : kLists) {
    if (name == known) {
      options.*member = values;
      return {};
    }
  }
  if (values.size() != 1) {
    return fail(Code::kUsage, "takes one value");
  }
  const std::string& text = values.front();
  for (const auto& [known, member] : kTexts) {
    if (name == known) {
      options.*member = text;
      return {};
    }
  }
  if (name == "cpus") {
    return read_number(text, options.cpus);
  }
  if (name == "instances") {
    return read_number(text, options.instances);
  }
  return fail(Code::kUsage, "is no option of rdev up");
}

UpOptions over(UpOptions then, const UpOptions& given) {
  for (const auto& [name, member] : kTexts) {
    if (!(given.*member).empty()) {
      then.*member = given.*member;
    }
  }
  for (const auto& [name, member] : kLists) {
    if (!(given.*member).empty()) {
      then.*member = given.*member;
    }
  }
  for (const auto& [name, member] : kFlags) {
    then.*member = then.*member || given.*member;
  }
  then.cpus = given.cpus ? given.cpus : then.cpus;
  then.instances = given.instances ? given.instances : then.instances;
  then.command = given.command.empty() ? then.command : given.command;
  then.name = given.name;
  then.preview = given.preview;
  then.json = given.json;
  return then;
}

std::string options_text(const json::object& options) {
  std::string text;
  std::string command;
  const auto add = [&](const std::string& one) { text += (text.empty() ? "" : " ") + one; };
  for (const auto& [key, value] : options) {
    const std::string option = "--" + std::string(key);
    if (key == "command") {
      for (const std::string& one : texts_of(value)) {
        command += " " + word(json::value(one));
      }
    } else if (value.is_array()) {
      for (const json::value& one : value.get_array()) {
        add(option + " " + word(one));
      }
    } else {
      add(value.is_bool() ? option : option + " " + word(value));
    }
  }
  if (!command.empty()) {
    add("--" + command);
  }
  return text;
}

}  // namespace rdev::commands
