<resource schema="demo_sky" resdir="demo_sky">
  <meta name="title">SIMULATED Legacy Surveys cutouts</meta>
  <meta name="creationDate">2025-01-01T00:00:00Z</meta>
  <meta name="description">The demo sky of astroclip-astro, simulated: images in g, r and z.</meta>
  <meta name="creator.name">The astroclip-astro developers</meta>
  <meta name="subject">surveys</meta>
  <meta name="instrument">simulated</meta>

  <table id="cutouts" onDisk="True" mixin="//siap#pgs"/>

  <data id="import">
    <sources pattern="images/*.fits"/>
    <fitsProdGrammar>
      <rowfilter procDef="//products#define">
        <bind key="table">"\schema.cutouts"</bind>
      </rowfilter>
    </fitsProdGrammar>
    <make table="cutouts">
      <rowmaker>
        <apply procDef="//siap#computePGS"/>
        <apply procDef="//siap#setMeta">
          <bind key="title">@prodtblPath.split("/")[-1]</bind>
        </apply>
      </rowmaker>
    </make>
  </data>

  <service id="sia" allowed="siap.xml">
    <meta name="shortName">demo sky</meta>
    <meta name="sia.type">Pointed</meta>
    <dbCore queriedTable="cutouts">
      <condDesc original="//siap#protoInput"/>
    </dbCore>
  </service>
</resource>
