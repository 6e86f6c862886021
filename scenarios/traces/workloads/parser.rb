# A configuration language on an embedded Ruby (mruby): tokenizer, parser, evaluator, objects.
class Node
  attr_reader :kind, :children, :value
  def initialize(kind, value = nil, children = [])
    @kind, @value, @children = kind, value, children
  end
  def evaluate(scope)
    case kind
    when :number then value
    when :name then scope[value] || 0
    when :assign then scope[value] = children[0].evaluate(scope)
    else
      a, b = children.map { |child| child.evaluate(scope) }
      case value
      when "+" then a + b
      when "-" then a - b
      when "*" then (a * b) % 1_000_003
      else b == 0 ? 0 : a % b
      end
    end
  end
end

class Parser
  def initialize(text)
    @tokens = text.gsub("(", " ( ").gsub(")", " ) ").split(" ")
  end
  def parse
    if @tokens[1] == "="
      name = @tokens.shift
      @tokens.shift
      return Node.new(:assign, name, [sum])
    end
    sum
  end
  def sum
    left = product
    while ["+", "-"].include?(@tokens[0])
      operator = @tokens.shift
      left = Node.new(:operation, operator, [left, product])
    end
    left
  end
  def product
    left = atom
    while ["*", "%"].include?(@tokens[0])
      operator = @tokens.shift
      left = Node.new(:operation, operator, [left, atom])
    end
    left
  end
  def atom
    token = @tokens.shift
    if token == "("
      inner = sum
      @tokens.shift
      return inner
    end
    token[0] >= "0" && token[0] <= "9" ? Node.new(:number, token.to_i) : Node.new(:name, token)
  end
end

scope = {}
programs = []
300.times do |round|
  text = "v#{round % 50} = (v#{(round * 7) % 50} + #{round}) * #{round % 9 + 1} - (v#{(round * 3) % 50} % #{round % 11 + 2})"
  programs << Parser.new(text).parse
  programs.shift if programs.size > 40
  programs.each_with_index { |program, i| program.evaluate(scope) if (i + round) % 3 == 0 }
  if round % 25 == 24
    report = scope.keys.sort.map { |name| "#{name.ljust(6)}#{scope[name].to_s.rjust(9)}" }
    puts report.join("\n").size
  end
end
