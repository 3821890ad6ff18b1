#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace rdev::commands {

using Run = std::function<int()>;

// A row of the table that `main`, the help and the completions are made from.
struct Command {
  enum class Kind { kNormal, kTakesCommand };  // kTakesCommand: `-- CMD…` may follow
  const char* name;
  const char* summary;
  const char* example;
  Kind kind;
  // Declares the options on `app`; what it returns runs once they are parsed. `rest` are the words
  // after "--".
  Run (*setup)(CLI::App& app, const std::vector<std::string>& rest);
};

const std::vector<Command>& command_table();

Run setup_up(CLI::App& app, const std::vector<std::string>& rest);
Run setup_attach(CLI::App& app, const std::vector<std::string>& rest);
Run setup_history(CLI::App& app, const std::vector<std::string>& rest);
Run setup_ls(CLI::App& app, const std::vector<std::string>& rest);
Run setup_status(CLI::App& app, const std::vector<std::string>& rest);
Run setup_logs(CLI::App& app, const std::vector<std::string>& rest);
Run setup_down(CLI::App& app, const std::vector<std::string>& rest);
Run setup_cluster(CLI::App& app, const std::vector<std::string>& rest);
Run setup_job(CLI::App& app, const std::vector<std::string>& rest);
Run setup_set(CLI::App& app, const std::vector<std::string>& rest);
Run setup_unset(CLI::App& app, const std::vector<std::string>& rest);
Run setup_get(CLI::App& app, const std::vector<std::string>& rest);
Run setup_trust(CLI::App& app, const std::vector<std::string>& rest);
Run setup_storage(CLI::App& app, const std::vector<std::string>& rest);
Run setup_proxy(CLI::App& app, const std::vector<std::string>& rest);
Run setup_exec(CLI::App& app, const std::vector<std::string>& rest);
Run setup_ssh(CLI::App& app, const std::vector<std::string>& rest);
Run setup_doctor(CLI::App& app, const std::vector<std::string>& rest);
Run setup_man(CLI::App& app, const std::vector<std::string>& rest);
Run setup_env(CLI::App& app, const std::vector<std::string>& rest);
Run setup_extend(CLI::App& app, const std::vector<std::string>& rest);
Run setup_forward(CLI::App& app, const std::vector<std::string>& rest);
Run setup_connect(CLI::App& app, const std::vector<std::string>& rest);
Run setup_ssh_config(CLI::App& app, const std::vector<std::string>& rest);
Run setup_completion(CLI::App& app, const std::vector<std::string>& rest);

}  // namespace rdev::commands
