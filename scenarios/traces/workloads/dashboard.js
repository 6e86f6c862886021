// A small web application on a JavaScript engine for devices (duktape): a model with history,
// templates rendered to strings, and state that is saved and loaded as JSON.
var model = { devices: {}, log: [], settings: { unit: 'C', limit: 5000 } };

function Device(name) {
    this.name = name;
    this.samples = [];
    this.tags = {};
}
Device.prototype.add = function (serial, value, text) {
    this.samples.push({ serial: serial, value: value });
    if (this.samples.length > 12) { this.samples.shift(); }
    var tags = this.tags;
    text.split(' ').forEach(function (word) { tags[word] = (tags[word] || 0) + 1; });
};
Device.prototype.summary = function () {
    var sum = this.samples.reduce(function (total, sample) { return total + sample.value; }, 0);
    return { name: this.name, mean: sum / this.samples.length, count: this.samples.length };
};

function render(template, values) {
    return template.replace(/\{(\w+)\}/g, function (all, key) {
        return key in values ? String(values[key]) : all;
    });
}

function page() {
    var rows = Object.keys(model.devices).sort().map(function (name) {
        var summary = model.devices[name].summary();
        return render('<tr class="{state}"><td>{name}</td><td>{mean}</td><td>{count}</td></tr>', {
            name: summary.name, mean: summary.mean.toFixed(1), count: summary.count,
            state: summary.mean > model.settings.limit * 10 ? 'high' : 'normal'
        });
    });
    return '<table>' + rows.join('\n') + '</table>';
}

function event(i) {
    var name = 'device-' + (i * 104729 % 23);
    var device = model.devices[name] || (model.devices[name] = new Device(name));
    device.add(i, i * 15485863 % 100003, 'the ' + (i % 17) + 'th text of ' + (i % 5) + ' words');
    model.log.push(render('{serial}: {name}', { serial: i, name: name }));
    if (model.log.length > 90) { model.log = model.log.slice(-50); }
    if (i % 40 === 13) { print(page().length); }
    if (i % 150 === 99) {
        var saved = JSON.parse(JSON.stringify(model), function (key, value) {
            if (value && value.samples) {
                var restored = new Device(value.name);
                restored.samples = value.samples;
                restored.tags = value.tags;
                return restored;
            }
            return value;
        });
        model = saved;
    }
}

for (var i = 0; i < 900; i++) { event(i); }
